"""Keeps what a batch tells of records: traits, contacts of enterprises, what is no identifier, what nobody declared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from profile_service.application.changes import Arrival
from profile_service.application.enlist_enterprises import Enlisted, tells_of_enterprise
from profile_service.application.keep_traits import keep_traits
from profile_service.application.ports import Record, ToldContent, Vault
from profile_service.domain.contacts import Contact, ContactKey, join_contacts
from profile_service.domain.traits import Told, Trait, TraitKey
from profile_service.domain.undeclared import FieldSightings, NotIdentifier
from profile_service.domain.view import STAFF


@dataclass(frozen=True, slots=True)
class RecordRules:
    """What a pack says of records.

    `covered` fields have a purpose, all others are flagged; None flags none. Of the identifier types `shown`, values
    that are none are kept, so that somebody can correct them. Of `declared` fields it is told which ones changed.
    """

    covered: frozenset[str] | None = None
    shown: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()


JUDGE_NOTHING = RecordRules()


class _Opened(NamedTuple):
    """A touchpoint that tells something, where it was placed, and what it tells."""

    position: int
    profile_id: UUID
    touchpoint: TouchpointReceivedV1
    told: ToldContent


@dataclass(frozen=True, slots=True)
class KeepRecord:
    """Keeps what is told, under the rules of a pack."""

    rules: RecordRules
    vault: Vault

    async def __call__(
        self,
        arrivals: Sequence[Arrival],
        placements: Sequence[UUID],
        enlisted: Enlisted,
        record: Record,
        now: datetime,
    ) -> Mapping[UUID, set[str]]:
        """Store what the touchpoints of a batch tell, in the open transaction; return by fragment what changed."""
        opened = list(self._open(arrivals, placements))
        changes = await keep_traits(self._traits(opened, enlisted.placements), record, now)
        if enlisted.placements:
            await record.link(join_contacts(_contacts(arrivals, placements, opened, enlisted.placements)))
        if invalid := _newest(self._invalid(opened)):
            await record.mark_invalid(invalid)
        if sightings := self._undeclared(arrivals, opened):
            await record.flag(sightings)
        names: defaultdict[UUID, set[str]] = defaultdict(set)
        for key in (*changes.first, *changes.changed):
            if key.name in self.rules.declared:
                names[key.profile_id].add(key.name)
        return names

    def _open(self, arrivals: Sequence[Arrival], placements: Sequence[UUID]) -> Iterator[_Opened]:
        for position, (arrival, profile_id) in enumerate(zip(arrivals, placements, strict=True)):
            touchpoint = arrival.touchpoint
            if touchpoint.has_traits or touchpoint.has_unusable or tells_of_enterprise(touchpoint):
                yield _Opened(position, profile_id, touchpoint, self.vault.open_told(touchpoint))

    def _traits(self, opened: Iterable[_Opened], enterprises: Mapping[int, UUID]) -> Iterator[Trait]:
        for position, profile_id, touchpoint, told in opened:
            yield from self._told(profile_id, touchpoint, told.traits)
            if position in enterprises:
                yield from self._told(enterprises[position], touchpoint, told.group_traits)

    def _told(
        self, profile_id: UUID, touchpoint: TouchpointReceivedV1, traits: Mapping[str, bytes]
    ) -> Iterator[Trait]:
        at = Told(touchpoint.occurred_at, touchpoint.touchpoint_id)
        for name, value in traits.items():
            key = TraitKey(profile_id, name, touchpoint.channel)
            yield Trait(key, at, value, self.vault.trait_hash(name, value))

    def _invalid(self, opened: Iterable[_Opened]) -> Iterator[NotIdentifier]:
        for _, profile_id, touchpoint, told in opened:
            for unusable in told.unusable:
                if unusable.type in self.rules.shown:
                    yield NotIdentifier(
                        profile_id,
                        unusable.type,
                        touchpoint.channel,
                        unusable.value,
                        unusable.reason,
                        Told(touchpoint.occurred_at, touchpoint.touchpoint_id),
                    )

    def _undeclared(self, arrivals: Sequence[Arrival], opened: Iterable[_Opened]) -> FieldSightings:
        sightings = FieldSightings()
        if self.rules.covered is None:
            return sightings
        for position, _, touchpoint, told in opened:
            for name in (*told.traits, *told.group_traits):
                if name not in self.rules.covered:
                    source = arrivals[position].cause.source
                    sightings.add(source, name, touchpoint.channel, touchpoint.received_at)
        return sightings


def _contacts(
    arrivals: Sequence[Arrival],
    placements: Sequence[UUID],
    opened: Iterable[_Opened],
    enterprises: Mapping[int, UUID],
) -> Iterator[Contact]:
    told_at = {
        each.position: each.told for each in opened if tells_of_enterprise(arrivals[each.position].touchpoint)
    }
    for position, enterprise in enterprises.items():
        touchpoint = arrivals[position].touchpoint
        key = ContactKey(enterprise, placements[position])
        told = told_at.get(position)
        if enterprise == placements[position]:
            continue
        if told is None:
            yield Contact(key, touchpoint.occurred_at, touchpoint.touchpoint_id)
        else:
            yield Contact(
                key,
                touchpoint.occurred_at,
                touchpoint.touchpoint_id,
                touchpoint.occurred_at,
                told.role,
                told.until,
                touchpoint.channel == STAFF,
            )


def _newest(found: Iterable[NotIdentifier]) -> list[NotIdentifier]:
    newest: dict[tuple[UUID, str, str], NotIdentifier] = {}
    for each in found:
        standing = newest.get(each.key)
        if standing is None or standing.told < each.told:
            newest[each.key] = each
    return [newest[key] for key in sorted(newest)]
