"""What keeps strangers apart: how far an identifier is trusted, and what stands against joining two customers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from profile_service.domain.census import Census, Known
from profile_service.domain.decisions import TOO_MANY_FRAGMENTS, TOO_MANY_MERGES, TOO_MANY_VALUES, UNDONE
from profile_service.domain.identity import Identifier, IdentityRules


class Trust(IntEnum):
    """What an identifier may do in one touchpoint, the strongest first."""

    LINKING = 0
    UNLINKING = 1
    """It is kept with the customer, but joins nobody."""
    UNPROVEN = 2
    """Nobody proved to hold it: it only places a touchpoint that has nothing better."""
    SHARED = 3
    """In quarantine."""


class Objection(NamedTuple):
    """Why two customers may not become one; `rule_type` is the identifier type that would pass its limit."""

    reason: str
    rule_type: str = ""


class Guards:
    """The rules, applied to what is known."""

    def __init__(self, known: Known, rules: IdentityRules) -> None:
        self._known = known
        self._rules = rules
        self._plain = rules.plain

    def arrange(self, identifiers: Sequence[Identifier]) -> Sequence[Identifier]:
        """Order identifiers by trust, else as they come."""
        if len(identifiers) < 2 or self._are_plain(identifiers):
            return identifiers
        return sorted(identifiers, key=self.trust)

    def deciding(self, identifiers: Sequence[Identifier]) -> Sequence[Identifier]:
        """Leave out those that neither join a customer nor are kept with it."""
        if self._are_plain(identifiers):
            return identifiers
        return [identifier for identifier in identifiers if self.trust(identifier) <= Trust.UNLINKING]

    def trust(self, identifier: Identifier) -> Trust:
        """Return what an identifier may do."""
        if identifier.hash in self._known.quarantined:
            return Trust.SHARED
        if identifier.type in self._plain:
            return Trust.LINKING
        rule = self._rules.rule(identifier.type)
        if rule.must_verify and not identifier.verified:
            return Trust.UNPROVEN
        return Trust.LINKING if rule.may_link else Trust.UNLINKING

    def is_unproven_claim(self, identifier: Identifier) -> bool:
        """Whether a known identifier's owner never proved to hold it although its type asks for that."""
        return (
            identifier.type not in self._plain
            and self._rules.rule(identifier.type).must_verify
            and identifier.hash not in self._known.verified
        )

    def has_room(self, profile_id: UUID, identifier_type: str, at: datetime, *, through: str) -> bool:
        """Whether a fragment's customer may have one more identifier of a type, seen with one of type `through`."""
        held = self._known.census_of(profile_id).held(identifier_type, self._rules.rule(identifier_type), at)
        return held < self._rules.limit(identifier_type, through)

    def objection(
        self, customers: tuple[UUID, UUID], identifier: Identifier, strongest_hash: bytes | None, at: datetime
    ) -> Objection | None:
        """Return why a touchpoint may not join two customers by an identifier, or None."""
        if self._is_blocked(customers, identifier.hash, strongest_hash):
            return Objection(UNDONE)
        one, other = (self._known.customers[customer_id] for customer_id in customers)
        over = self._over_limit(one, other, identifier.type, at)
        if over is not None:
            return Objection(TOO_MANY_VALUES, over)
        if len(one.fragments) + len(other.fragments) > self._rules.fragments_per_customer:
            return Objection(TOO_MANY_FRAGMENTS)
        rate = self._rules.merges_per_customer
        if rate is not None and one.merges + other.merges + 1 > rate.limit:
            return Objection(TOO_MANY_MERGES)
        return None

    def _over_limit(self, one: Census, other: Census, through: str, at: datetime) -> str | None:
        """Return the first type of which both have values, and together too many for what joins them."""
        for identifier_type in sorted(one.identifiers.keys() & other.identifiers.keys()):
            rule = self._rules.rule(identifier_type)
            both = (one.held(identifier_type, rule, at), other.held(identifier_type, rule, at))
            if all(both) and sum(both) > self._rules.limit(identifier_type, through):
                return identifier_type
        return None

    def _is_blocked(
        self, customers: tuple[UUID, UUID], identifier_hash: bytes, strongest_hash: bytes | None
    ) -> bool:
        """Whether an undone merge of these two forbids to join them by the same identifier, or the same two."""
        memberships, pair = self._known.memberships, {identifier_hash, strongest_hash}
        return any(
            (
                block.identifier_hash == identifier_hash
                or pair == {block.identifier_hash, block.strongest_hash}
            )
            and {
                memberships[block.left_profile_id].customer_id,
                memberships[block.right_profile_id].customer_id,
            }
            == set(customers)
            for block in self._known.blocks.get(identifier_hash, ())
        )

    def _are_plain(self, identifiers: Sequence[Identifier]) -> bool:
        plain, quarantined = self._plain, self._known.quarantined
        return all(
            identifier.type in plain and identifier.hash not in quarantined for identifier in identifiers
        )
