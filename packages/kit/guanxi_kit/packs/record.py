"""Pack file `record.yaml`: what a customer's record consists of, which of it is required, and whom to believe."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from guanxi_kit.masking import MaskedType
from guanxi_kit.packs.model import Labels, PackModel, Slug, Text

CustomerKind = Literal["individual", "enterprise"]
InformationClass = Literal["basic", "dealings", "need", "preference", "feedback"]
FieldType = Literal["text", "phone", "email", "date", "number", "choice"]
Derived = Literal["contact_person", "first_contact", "yearly_amount"]

ALL_OTHERS = "*"
STAFF = "staff"
"""The channel of what staff enter."""

FieldName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Precedence = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=64)]


def _both_kinds() -> dict[CustomerKind, Labels]:
    return {
        "individual": Labels(zh="个人", en="Individual"),
        "enterprise": Labels(zh="企业", en="Enterprise"),
    }


def _differ(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is named more than once")
    return values


class RecordField(PackModel):
    """One field of the record: the trait of this name.

    `class` is the class of information. `required_for`: the kinds of customers whose record is complete only with it.
    `precedence`: channels, the most trusted first; `*` stands for all that are not named, which come last without it;
    within a place the newest value wins. `purposes` cover its collection; a field without any is flagged when it is
    told. `identifier`: an identifier of this type fills the field where no trait does. `derived` fields are not told
    but follow from the customer's dealings.
    """

    model_config = ConfigDict(populate_by_name=False)

    class_: InformationClass = Field(alias="class")
    labels: Labels
    type: FieldType = "text"
    choices: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    required_for: tuple[CustomerKind, ...] = ()
    precedence: Precedence | None = None
    purposes: tuple[Slug, ...] = ()
    identifier: Slug | None = None
    derived: Derived | None = None

    @field_validator("choices", "required_for", "precedence", "purposes")
    @classmethod
    def _once(cls, values: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return values and _differ(values)

    @model_validator(mode="after")
    def _fits_together(self) -> RecordField:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("a choice needs choices, and no other type has them")
        if self.derived is not None and (self.precedence is not None or self.identifier is not None):
            raise ValueError("a derived field has no precedence and no identifier")
        return self


class RecordSettings(PackModel):
    """The record of a pack. `precedence` holds for every trait whose field names none.

    A pack that declares no fields judges none: nothing is required and nothing is flagged.
    """

    kinds: Annotated[dict[CustomerKind, Labels], Field(min_length=1, default_factory=_both_kinds)]
    precedence: Precedence = (STAFF, ALL_OTHERS)
    fields: Annotated[dict[FieldName, RecordField], Field(max_length=500, default_factory=dict)]

    @field_validator("precedence")
    @classmethod
    def _once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _differ(values)

    @model_validator(mode="after")
    def _kinds_exist(self) -> RecordSettings:
        for name, declared in self.fields.items():
            for kind in declared.required_for:
                if kind not in self.kinds:
                    raise ValueError(f"{name} is required for {kind}, which is not among the kinds")
        return self

    @property
    def covered(self) -> frozenset[str]:
        """Names of the fields whose collection a purpose covers."""
        return frozenset(name for name, declared in self.fields.items() if declared.purposes)

    @cached_property
    def masked(self) -> dict[str, MaskedType]:
        """Fields that hold a phone number, an e-mail address or a date of the person, by name."""
        found: dict[str, MaskedType] = {}
        for name, declared in self.fields.items():
            if declared.type in ("phone", "email"):
                found[name] = declared.type
            elif declared.type == "date" and declared.class_ == "basic":
                found[name] = "date"
        return found

    @property
    def told(self) -> frozenset[str]:
        """Names of the fields that are told, as traits."""
        return frozenset(name for name, declared in self.fields.items() if declared.derived is None)

    @property
    def has_enterprises(self) -> bool:
        """Whether organisations are customers of their own."""
        return "enterprise" in self.kinds
