"""Pack file `purposes.yaml`: what personal data is used for, and whether a person has to be asked."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel, model_validator

from guanxi_kit.packs.model import Labels, PackModel, Slug, Text

ANY_CHANNEL = "any"
"""The channel of purposes for which it makes no difference on which channel."""


class Purpose(PackModel):
    """One purpose of processing.

    `marketing` purposes always need a yes. `default` is what holds while a person has said nothing. A consent is
    given for each of the `channels` on its own. `fields` are the record fields that the purpose gives a reason to
    collect. `categories` are the names that a consent tool on a web site or in an app may give to it, beside its own.
    """

    labels: Labels
    marketing: bool
    default: Literal["allowed", "denied"] = "denied"
    channels: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=32)] = (ANY_CHANNEL,)
    fields: Annotated[tuple[Slug, ...], Field(max_length=500)] = ()
    categories: Annotated[tuple[Text, ...], Field(max_length=32)] = ()

    @model_validator(mode="after")
    def _marketing_needs_a_yes(self) -> Purpose:
        if self.marketing and self.default == "allowed":
            raise ValueError("a marketing purpose cannot be allowed by default")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("names a channel more than once")
        return self


class PurposeSettings(RootModel[dict[Slug, Purpose]]):
    """All purposes of a pack, in the order in which people read them."""

    model_config = ConfigDict(frozen=True, strict=True)

    root: Annotated[dict[Slug, Purpose], Field(max_length=64)] = {}

    @model_validator(mode="after")
    def _categories_differ(self) -> PurposeSettings:
        owner: dict[str, str] = {}
        for name, purpose in self.root.items():
            for category in {name, *purpose.categories}:
                first = owner.setdefault(category.casefold(), name)
                if first != name:
                    raise ValueError(f"{first} and {name} both have the category {category!r}")
        return self

    def channel_of(self, purpose: str, channel: str) -> str | None:
        """Return the channel under which consents to a declared purpose are kept; None for one it does not have."""
        channels = self.root[purpose].channels
        return next((each for each in (channel, ANY_CHANNEL) if each in channels), None)

    @cached_property
    def by_category(self) -> dict[str, str]:
        """Purpose by category, in lower case."""
        return {
            category.casefold(): name
            for name, purpose in self.root.items()
            for category in (name, *purpose.categories)
        }

    @cached_property
    def covered_fields(self) -> dict[str, tuple[str, ...]]:
        """The purposes that cover a record field, by field."""
        covering: dict[str, tuple[str, ...]] = {}
        for name, purpose in self.root.items():
            for field in purpose.fields:
                covering[field] = (*covering.get(field, ()), name)
        return covering
