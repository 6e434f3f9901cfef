"""What identity resolution works on: identifiers, touchpoints, memberships, and the rules of the pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple, Protocol
from uuid import UUID

FIRST_VERSION = 1


class Identifier(Protocol):
    """An identifier by its type and the keyed hash of its value; `verified`: its holder just proved to have it."""

    @property
    def type(self) -> str: ...
    @property
    def hash(self) -> bytes: ...
    @property
    def verified(self) -> bool: ...


class Sighting(Protocol):
    """What resolution reads of a touchpoint; `identifiers` are ordered strongest first.

    `profile_id` names a customer, by any of its fragments, and is stronger than every identifier.
    """

    @property
    def touchpoint_id(self) -> UUID: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def identifiers(self) -> Sequence[Identifier]: ...
    @property
    def profile_id(self) -> UUID | None: ...


class TypeRule(NamedTuple):
    """How far an identifier type is trusted.

    `limit`: values per customer, with a `window` those first seen within so long a time of each other; `may_link`:
    whether a value joins two customers; `must_verify`: whether only one that its holder proved to have does; `weak`:
    it follows things, not people (a device, a browser), so it never gives a customer a second value of another type.
    """

    limit: int
    may_link: bool = True
    window: timedelta | None = None
    must_verify: bool = False
    weak: bool = False


class MergeRate(NamedTuple):
    """How many merges a customer may take part in within a window of time."""

    limit: int
    window: timedelta


UNDECLARED = TypeRule(limit=1, may_link=False)


@dataclass(frozen=True)
class IdentityRules:
    """Rules by identifier type. A type that no rule declares never joins customers."""

    types: Mapping[str, TypeRule]
    fragments_per_customer: int
    merges_per_customer: MergeRate | None = None

    def rule(self, identifier_type: str) -> TypeRule:
        """Return the rule of a type."""
        return self.types.get(identifier_type, UNDECLARED)

    def limit(self, identifier_type: str, through: str) -> int:
        """Return how many values of a type a customer may have where an identifier of type `through` joins them."""
        rule = self.rule(identifier_type)
        return 1 if self.rule(through).weak and not rule.weak else rule.limit

    @cached_property
    def plain(self) -> frozenset[str]:
        """Types whose every sighting may join customers."""
        return frozenset(name for name, rule in self.types.items() if rule.may_link and not rule.must_verify)

    @cached_property
    def windowed(self) -> frozenset[str]:
        """Types whose limit counts within a window of time."""
        return frozenset(name for name, rule in self.types.items() if rule.window is not None)


class Membership(NamedTuple):
    """The customer a fragment belongs to; `version` grows each time that changes."""

    customer_id: UUID
    version: int
