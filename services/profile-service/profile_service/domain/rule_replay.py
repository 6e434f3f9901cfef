"""What other rules would have said of merges that hold, and would say of links that were refused.

Both are weighed against what the customers have today, which may be more than they had when it was decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from profile_service.domain.census import Census, Known
from profile_service.domain.decisions import MAY_NOT_LINK, NOT_VERIFIED, TOO_MANY_MERGES
from profile_service.domain.guards import Guards, Objection
from profile_service.domain.identity import FIRST_VERSION, IdentityRules, Membership


class HeldIdentifier(NamedTuple):
    """An identifier that a fragment owns."""

    type: str
    hash: bytes
    verified: bool
    first_seen_at: datetime


class PastMerge(NamedTuple):
    """A merge that holds, by the two fragments it ties; `identifier` is None where a person merged."""

    merge_id: UUID
    home_profile_id: UUID
    owner_profile_id: UUID
    identifier: HeldIdentifier | None
    merged_at: datetime


Fragments = Mapping[UUID, Sequence[HeldIdentifier]]
"""The identifiers of each fragment."""


class Replay:
    """Weighs links by other rules, and joins what they allow."""

    def __init__(self, rules: IdentityRules, fragments: Fragments) -> None:
        """Begin with every fragment alone."""
        self._rate = rules.merges_per_customer
        # The census counts merges within the window that is now; here each merge has a window of its own.
        self._rules = replace(rules, merges_per_customer=None)
        self._known = Known()
        self._guards = Guards(self._known, self._rules)
        self._merged: defaultdict[UUID, list[datetime]] = defaultdict(list)
        for profile_id, held in fragments.items():
            self._known.memberships[profile_id] = Membership(profile_id, FIRST_VERSION)
            self._known.customers[profile_id] = census = Census([profile_id])
            for each in held:
                counted_from = each.first_seen_at if each.type in rules.windowed else None
                census.add(each.type, each.hash, counted_from)

    def objection(
        self, ends: tuple[UUID, UUID], identifier: HeldIdentifier, at: datetime
    ) -> Objection | None:
        """Return why an identifier may not join the customers of two fragments, or None."""
        rule = self._rules.rule(identifier.type)
        if not rule.may_link:
            return Objection(MAY_NOT_LINK)
        if rule.must_verify and not identifier.verified:
            return Objection(NOT_VERIFIED)
        one, other = (self._known.memberships[end].customer_id for end in ends)
        found = self._guards.objection((one, other), identifier, None, at)
        return found or self._too_often(one, other, at)

    def has_room(self, profile_id: UUID, identifier_type: str, at: datetime, *, through: str) -> bool:
        """Whether a fragment's customer may have one more identifier, seen with one of type `through`."""
        return self._guards.has_room(profile_id, identifier_type, at, through=through)

    def join(self, ends: tuple[UUID, UUID], at: datetime) -> None:
        """Make the customers of two fragments one."""
        one, other = (self._known.memberships[end].customer_id for end in ends)
        if one == other:
            return
        given = self._known.customers.pop(other)
        for profile_id in given.fragments:
            self._known.memberships[profile_id] = Membership(one, FIRST_VERSION)
        self._known.customers[one].absorb(given)
        self._merged[one] += [*self._merged.pop(other, []), at]

    def _too_often(self, one: UUID, other: UUID, at: datetime) -> Objection | None:
        if self._rate is None:
            return None
        window = self._rate.window
        recent = sum(at - merged < window for end in (one, other) for merged in self._merged[end])
        return Objection(TOO_MANY_MERGES) if recent + 1 > self._rate.limit else None


def refused_merges(
    rules: IdentityRules, fragments: Fragments, merges: Iterable[PastMerge]
) -> list[tuple[PastMerge, Objection]]:
    """Return which merges of a customer, told oldest first, other rules would refuse. A person's word stands."""
    replay = Replay(rules, fragments)
    refused: list[tuple[PastMerge, Objection]] = []
    for merge in merges:
        ends = (merge.home_profile_id, merge.owner_profile_id)
        objection = merge.identifier and replay.objection(ends, merge.identifier, merge.merged_at)
        if objection is None:
            replay.join(ends, merge.merged_at)
        else:
            refused.append((merge, objection))
    return refused
