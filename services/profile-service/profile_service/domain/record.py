"""A customer's record: which fields are filled, which of them are valid, how complete it is and what to mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from profile_service.domain.precedence import Because

CustomerKind = Literal["individual", "enterprise"]
InformationClass = Literal["basic", "dealings", "need", "preference", "feedback"]
Derived = Literal["contact_person", "first_contact", "yearly_amount"]
FilledBy = Literal["staff", "channel", "identifier", "derived"]
Fault = Callable[[str, Any], str | None]
"""Returns why a value (in clear) cannot be that of a field, None when it can."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A field that the pack declares. See the pack's `record.yaml`."""

    name: str
    information_class: InformationClass
    type: str
    required_for: frozenset[str] = frozenset()
    identifier: str | None = None
    derived: Derived | None = None


class Filling(NamedTuple):
    """What a field holds: in clear, as it is shown, and where it comes from. Derived ones have no channel."""

    value: Any
    shown: Any
    source: FilledBy
    channel: str | None = None
    because: Because | None = None
    occurred_at: datetime | None = None


class InvalidMark(NamedTuple):
    """What a channel gave last in place of an identifier: in clear, as it is shown, and why it is none."""

    type: str
    channel: str
    value: Any
    shown: Any
    reason: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field with its value and whether that is valid; of an invalid one `reason` says why."""

    value: Any
    type: str
    required: bool
    valid: bool
    reason: str | None
    source: FilledBy
    channel: str | None
    because: Because | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToFix:
    """A field to mend: a required one is missing, or what a source told is invalid."""

    field: str
    code: Literal["missing", "invalid"]
    reason: str
    value: Any = None
    channel: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class YearlyAmount:
    """Purchases of a business year in its main currency, in minor units; not complete if some have no known year."""

    year: int
    currency: str
    purchases: int
    amount_minor: int
    complete: bool


@dataclass(frozen=True, slots=True)
class LinkView:
    """A person who acts for an enterprise, or the enterprise: as a customer, in which role, since and until when."""

    customer_id: UUID
    customer_number: str
    name: Any
    role: str | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class RecordView:
    """The record of a customer.

    `completeness` is the share of required fields that are filled and valid, null where none is required. `fields`
    holds those with a value, by class. `contacts` are the first persons of an enterprise, `enterprises` those of a
    person. `undeclared` names traits that no field declares.
    """

    kind: CustomerKind
    completeness: float | None
    required: int
    filled: int
    first_contact_at: datetime | None
    yearly_amount: YearlyAmount | None
    fields: dict[InformationClass, dict[str, FieldView]]
    to_fix: list[ToFix]
    contacts: list[LinkView]
    more_contacts: bool
    enterprises: list[LinkView]
    undeclared: list[str]


class Assessment(NamedTuple):
    """Fields by class, what to mend, and how many fields are required and of these filled and valid."""

    fields: dict[InformationClass, dict[str, FieldView]]
    to_fix: list[ToFix]
    required: int
    filled: int

    @property
    def completeness(self) -> float | None:
        """Return the share of required fields that are filled and valid."""
        return round(self.filled / self.required, 4) if self.required else None


def assess(
    kind: str,
    rules: Iterable[FieldRule],
    fillings: Mapping[str, Filling],
    marks: Sequence[InvalidMark],
    fault: Fault,
) -> Assessment:
    """Judge a record; `marks` are those that nothing valid came after."""
    fields: dict[InformationClass, dict[str, FieldView]] = {}
    to_fix: list[ToFix] = []
    required = filled = 0
    for rule in rules:
        needed = kind in rule.required_for
        required += needed
        filling = fillings.get(rule.name)
        found: list[ToFix] = []
        if filling is not None:
            reason = fault(rule.name, filling.value) if filling.channel is not None else None
            view = _show(rule, filling, reason, needed=needed)
            fields.setdefault(rule.information_class, {})[rule.name] = view
            filled += needed and view.valid
            if reason is not None:
                found.append(
                    ToFix(rule.name, "invalid", reason, filling.shown, filling.channel, filling.occurred_at)
                )
        found += [
            ToFix(rule.name, "invalid", mark.reason, mark.shown, mark.channel, mark.occurred_at)
            for mark in marks
            if mark.type == rule.identifier and (filling is None or mark.value != filling.value)
        ]
        if needed and filling is None and not found:
            found.append(ToFix(rule.name, "missing", "is required and missing"))
        to_fix += found
    return Assessment(fields, to_fix, required, filled)


def _show(rule: FieldRule, filling: Filling, reason: str | None, *, needed: bool) -> FieldView:
    return FieldView(
        value=filling.shown,
        type=rule.type,
        required=needed,
        valid=reason is None,
        reason=reason,
        source=filling.source,
        channel=filling.channel,
        because=filling.because,
        occurred_at=filling.occurred_at,
    )
