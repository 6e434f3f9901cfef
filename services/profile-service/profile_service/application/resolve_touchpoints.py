"""Command: find the person behind each touchpoint of a batch, and take it into the unified view."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from profile_service.application.changes import (
    Arrival,
    Change,
    add_enterprises,
    add_names,
    changes_of,
    totals,
)
from profile_service.application.enlist_enterprises import Enlisted, enlist_enterprises
from profile_service.application.keep_record import KeepRecord
from profile_service.application.ports import (
    Facts,
    HistoryEntry,
    Identities,
    NewFragment,
    Record,
    SealedIdentifier,
    Vault,
)
from profile_service.application.reading import Reading
from profile_service.domain.activity import tally
from profile_service.domain.census import Known
from profile_service.domain.customer_number import business_day, format_customer_number
from profile_service.domain.decisions import Merge, Refusal, Resolution
from profile_service.domain.identity import IdentityRules, Membership
from profile_service.domain.resolution import resolve


@dataclass(slots=True)
class Outcome:
    """What the batch brought about, after all of it; repeats are left out of `arrivals`.

    `enterprises` are those that touchpoints name, by position. `queued` are the ids of merges that wait for a person
    from now on.
    """

    arrivals: Sequence[Arrival] = ()
    placements: Sequence[UUID] = ()
    enterprises: Mapping[int, UUID] = field(default_factory=dict)
    memberships: Mapping[UUID, Membership] = field(default_factory=dict)
    members: Mapping[UUID, list[UUID]] = field(default_factory=dict)
    merges: Sequence[Merge] = ()
    changes: Mapping[UUID, Change] = field(default_factory=dict)
    refusals: Sequence[Refusal] = ()
    queued: Collection[UUID] = ()


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A batch with its resolution and the state after it."""

    touchpoints: Sequence[TouchpointReceivedV1]
    resolution: Resolution
    known: Known

    def evidence(self, position: int) -> UUID:
        """Return the id of the touchpoint at a position."""
        return self.touchpoints[position].touchpoint_id

    def history(self) -> list[HistoryEntry]:
        """Return what happened to identifiers, with the touchpoints that brought it about."""
        return [
            HistoryEntry(
                event.hash,
                event.kind,
                event.profile_id,
                event.former_profile_id,
                event.reason,
                self.evidence(event.position),
            )
            for event in self.resolution.events
        ]


@dataclass(frozen=True, slots=True)
class ResolveTouchpoints:
    """Resolves batches under the rules of a pack."""

    rules: IdentityRules
    vault: Vault
    keep_record: KeepRecord

    async def __call__(
        self,
        arrivals: Sequence[Arrival],
        identities: Identities,
        facts: Facts,
        record: Record,
        now: datetime,
    ) -> Outcome:
        """Work a batch in one open transaction. A transient database error asks for working it again."""
        fresh = await _drop_repeats(arrivals, identities)
        if not fresh:
            return Outcome()
        touchpoints = [arrival.touchpoint for arrival in fresh]
        known = await Reading(identities, self.rules, now).under_locks(touchpoints)
        resolution = resolve(touchpoints, known, self.rules)
        batch = _Resolved(touchpoints, resolution, known)
        await self._save_identity(batch, identities, now)
        queued = await _save_limits(batch, identities, now)
        enlisted = await enlist_enterprises(touchpoints, identities, self.vault, now)
        memberships = known.memberships | enlisted.memberships
        await _add_figures(touchpoints, resolution.placements, enlisted, facts)
        names = await self.keep_record(fresh, resolution.placements, enlisted, record, now)
        await identities.add_totals(totals(fresh, resolution, enlisted))
        changes = changes_of(fresh, resolution, known.memberships)
        add_enterprises(changes, fresh, resolution.placements, enlisted, memberships)
        add_names(changes, names, memberships)
        joined = [customer_id for customer_id in changes if customer_id in known.joined]
        return Outcome(
            arrivals=fresh,
            placements=resolution.placements,
            memberships=memberships,
            enterprises=enlisted.placements,
            members=await identities.members(joined) if joined else {},
            merges=resolution.merges,
            changes=changes,
            refusals=resolution.refusals,
            queued=queued,
        )

    async def _save_identity(self, batch: _Resolved, identities: Identities, now: datetime) -> None:
        resolution = batch.resolution
        if resolution.founded:
            await identities.found(await _number(batch, identities, now))
        if resolution.attachments:
            await identities.attach(self._seal(resolution, batch.touchpoints), now)
        if resolution.changes:
            await identities.change(resolution.changes, now)
            await identities.remember(batch.history(), now)
        if resolution.merges:
            await _redirect(batch, identities)
            await identities.journal(resolution.merges, now)

    def _seal(
        self, resolution: Resolution, touchpoints: Sequence[TouchpointReceivedV1]
    ) -> list[SealedIdentifier]:
        sealed: list[SealedIdentifier] = []
        opened: tuple[int, Mapping[bytes, bytes]] = (-1, {})
        for attachment in resolution.attachments:
            touchpoint = touchpoints[attachment.position]
            if opened[0] != attachment.position:
                opened = (attachment.position, self.vault.open_identifiers(touchpoint))
            value = self.vault.seal_identifier(opened[1][attachment.hash], attachment.hash)
            sealed.append(SealedIdentifier(attachment, value, touchpoint))
        return sealed


async def _add_figures(
    touchpoints: Sequence[TouchpointReceivedV1], placements: Sequence[UUID], enlisted: Enlisted, facts: Facts
) -> None:
    """Count touchpoints for their person, and for the enterprise that they name."""
    placed = list(zip(placements, touchpoints, strict=True))
    placed += [(profile_id, touchpoints[position]) for position, profile_id in enlisted.placements.items()]
    await facts.add_activity(tally(placed))


async def _drop_repeats(arrivals: Sequence[Arrival], identities: Identities) -> list[Arrival]:
    """Keep the first of each touchpoint, unless an earlier batch (however long ago) had it."""
    first: dict[UUID, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.touchpoint.touchpoint_id, arrival)
    new = await identities.claim(first)
    return [arrival for touchpoint_id, arrival in first.items() if touchpoint_id in new]


async def _save_limits(batch: _Resolved, identities: Identities, now: datetime) -> set[UUID]:
    """Record what limits kept apart; return the ids of what is queued for review from now on."""
    resolution = batch.resolution
    if resolution.refusals:
        await identities.record_refusals(
            [(refusal, batch.evidence(refusal.position)) for refusal in resolution.refusals], now
        )
    if not resolution.suggestions:
        return set()
    return await identities.suggest(
        [(suggestion, batch.evidence(suggestion.position)) for suggestion in resolution.suggestions], now
    )


async def _number(batch: _Resolved, identities: Identities, now: datetime) -> list[NewFragment]:
    """Number the customers that new fragments found, those that were absorbed within the batch too."""
    founded = batch.resolution.founded
    day = business_day(now)
    sequence = await identities.next_numbers(day, len(founded))
    return [
        NewFragment(
            profile_id=profile_id,
            membership=batch.known.memberships[profile_id],
            customer_number=format_customer_number(day, number),
            founded_at=now,
        )
        for profile_id, number in zip(founded, sequence, strict=True)
    ]


async def _redirect(batch: _Resolved, identities: Identities) -> None:
    """Write the memberships that merges changed, of fragments there were before the batch."""
    merges, founded = batch.resolution.merges, batch.resolution.founded
    moved = {profile_id for merge in merges for profile_id, _ in merge.moved if profile_id not in founded}
    await identities.move({profile_id: batch.known.memberships[profile_id] for profile_id in moved})
    await identities.mark_joined({merge.customer_id for merge in merges})
