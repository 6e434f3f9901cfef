"""Pack file `identifiers.yaml`: which identifiers exist and how far each may be trusted."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator

from guanxi_kit.packs.model import Duration, PackModel, Slug

Normaliser = Literal["text", "phone", "email"]


class IdentifierType(PackModel):
    """One type of identifier.

    `priority` 1 is the strongest; `limit` is how many different values one customer may have, with a `window`
    how many within so long a time; `may_link` says whether meeting the same value joins two customers;
    `must_verify` whether only a value that its holder proved to have does; a `weak` type follows things, not people
    (a device, a browser): it never gives a customer a second value of another type; `namespaced` values mean
    something only together with their namespace (an app id, a platform); `junk` are values that identify nobody.
    """

    priority: Annotated[int, Field(ge=1, le=1000)]
    limit: Annotated[int, Field(ge=1, le=10_000)]
    window: Duration | None = None
    may_link: bool = True
    must_verify: bool = False
    weak: bool = False
    normaliser: Normaliser = "text"
    namespaced: bool = False
    junk: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()


class MergeRate(PackModel):
    """How many merges one customer may take part in within a window of time, before a person looks at them."""

    limit: Annotated[int, Field(ge=1, le=10_000)]
    window: Duration


class IdentifierSettings(PackModel):
    """All identifier types of a pack; `junk` holds for every type, beside the built-in list.

    A merge that would pass `fragments_per_customer` or `merges_per_customer` waits for a person's decision.
    """

    types: Annotated[dict[Slug, IdentifierType], Field(min_length=1, max_length=64)]
    fragments_per_customer: Annotated[int, Field(ge=1, le=10_000)]
    merges_per_customer: MergeRate | None = None
    junk: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()

    @field_validator("types")
    @classmethod
    def _priorities_differ(cls, types: dict[str, IdentifierType]) -> dict[str, IdentifierType]:
        owner: dict[int, str] = {}
        for name, declared in types.items():
            first = owner.setdefault(declared.priority, name)
            if first != name:
                raise ValueError(f"{first} and {name} both have priority {declared.priority}")
        return types

    @cached_property
    def strongest_first(self) -> tuple[str, ...]:
        """Names of the types, strongest first."""
        return tuple(sorted(self.types, key=lambda name: self.types[name].priority))

    @cached_property
    def rank(self) -> dict[str, int]:
        """Place of each type among `strongest_first`, 0 the strongest: a sort key."""
        return {name: place for place, name in enumerate(self.strongest_first)}
