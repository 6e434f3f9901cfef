"""What identity resolution knows and decides with: identifiers, fragments, customers and the rules of the pack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

FIRST_VERSION = 1


class Identifier(Protocol):
    """An identifier by its type and the keyed hash of its value."""

    @property
    def type(self) -> str: ...
    @property
    def hash(self) -> bytes: ...


class Sighting(Protocol):
    """What resolution reads of a touchpoint; `identifiers` are ordered strongest first."""

    @property
    def touchpoint_id(self) -> UUID: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def identifiers(self) -> Sequence[Identifier]: ...


class TypeRule(NamedTuple):
    """How far an identifier type is trusted.

    `limit`: values per customer, with a `window` those first seen within so long a time of each other; `may_link`:
    whether a value joins two customers; `must_verify`: whether only one that its holder proved to have does.
    """

    limit: int
    may_link: bool = True
    window: timedelta | None = None
    must_verify: bool = False


class MergeRate(NamedTuple):
    """How many merges a customer may take part in within a window of time."""

    limit: int
    window: timedelta


UNDECLARED = TypeRule(limit=1, may_link=False)


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """Rules by identifier type. A type that no rule declares never joins customers."""

    types: Mapping[str, TypeRule]
    fragments_per_customer: int
    merges_per_customer: MergeRate | None = None

    def rule(self, identifier_type: str) -> TypeRule:
        """Return the rule of a type."""
        return self.types.get(identifier_type, UNDECLARED)


class Membership(NamedTuple):
    """The customer a fragment belongs to; `version` grows each time that changes."""

    customer_id: UUID
    version: int


@dataclass(slots=True)
class Census:
    """All fragments of a customer, and how many identifiers of each type they hold together."""

    fragments: list[UUID] = field(default_factory=list)
    identifiers: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Known:
    """State to resolve against.

    `owners`: fragment of each identifier hash already seen; `memberships`: at least of every fragment in `owners`;
    `customers`: the census of every customer that the batch may change; `joined`: customers of several fragments.
    """

    owners: dict[bytes, UUID] = field(default_factory=dict)
    memberships: dict[UUID, Membership] = field(default_factory=dict)
    customers: dict[UUID, Census] = field(default_factory=dict)
    joined: set[UUID] = field(default_factory=set)

    def update(self, newer: Known) -> None:
        """Take over what was read later."""
        self.owners |= newer.owners
        self.memberships |= newer.memberships
        self.customers |= newer.customers
        self.joined |= newer.joined
