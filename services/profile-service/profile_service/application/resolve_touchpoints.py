"""Command: find the person behind each touchpoint of a batch, and take it into the unified view."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from guanxi_contracts.customer import ChangedPart
from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.consumer import Cause
from profile_service.application.keep_traits import keep_traits
from profile_service.application.ports import (
    Facts,
    Identities,
    NewFragment,
    SealedIdentifier,
    Tally,
    Traits,
    Vault,
)
from profile_service.domain.activity import tally
from profile_service.domain.customer_number import business_day, format_customer_number
from profile_service.domain.decisions import Merge, Resolution
from profile_service.domain.identity import IdentityRules, Known, Membership
from profile_service.domain.resolution import find_stake, resolve
from profile_service.domain.traits import Told, Trait, TraitKey


class Arrival(NamedTuple):
    """A touchpoint and the record that brought it."""

    touchpoint: TouchpointReceivedV1
    cause: Cause


@dataclass(slots=True)
class Change:
    """What changed in one customer's view; `cause` is of its last touchpoint in the batch."""

    parts: set[ChangedPart]
    received_at: datetime
    cause: Cause


@dataclass(slots=True)
class Outcome:
    """What the batch brought about, after all of it; repeats are left out of `arrivals`."""

    arrivals: Sequence[Arrival] = ()
    placements: Sequence[UUID] = ()
    memberships: Mapping[UUID, Membership] = field(default_factory=dict)
    members: Mapping[UUID, list[UUID]] = field(default_factory=dict)
    merges: Sequence[Merge] = ()
    changes: Mapping[UUID, Change] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A batch with its resolution and the state after it."""

    touchpoints: Sequence[TouchpointReceivedV1]
    resolution: Resolution
    known: Known

    def evidence(self, position: int) -> UUID:
        """Return the id of the touchpoint at a position."""
        return self.touchpoints[position].touchpoint_id


@dataclass(frozen=True, slots=True)
class ResolveTouchpoints:
    """Resolves batches under the rules of a pack."""

    rules: IdentityRules
    vault: Vault

    async def __call__(
        self,
        arrivals: Sequence[Arrival],
        identities: Identities,
        facts: Facts,
        traits: Traits,
        now: datetime,
    ) -> Outcome:
        """Work a batch in one open transaction. A transient database error asks for working it again."""
        fresh = await _drop_repeats(arrivals, identities)
        if not fresh:
            return Outcome()
        touchpoints = [arrival.touchpoint for arrival in fresh]
        known = await _read_under_locks(touchpoints, identities)
        resolution = resolve(touchpoints, known, self.rules)
        await self._save_identity(_Resolved(touchpoints, resolution, known), identities, now)
        await facts.add_activity(tally(zip(resolution.placements, touchpoints, strict=True)))
        await keep_traits(self._traits(resolution.placements, touchpoints), traits, now)
        await identities.add_totals(_totals(fresh, resolution))
        changes = _changes(fresh, resolution, known.memberships)
        joined = [customer_id for customer_id in changes if customer_id in known.joined]
        return Outcome(
            arrivals=fresh,
            placements=resolution.placements,
            memberships=known.memberships,
            members=await identities.members(joined) if joined else {},
            merges=resolution.merges,
            changes=changes,
        )

    async def _save_identity(self, batch: _Resolved, identities: Identities, now: datetime) -> None:
        resolution = batch.resolution
        if resolution.founded:
            await identities.found(await _number(batch, identities, now))
        if resolution.attachments:
            await identities.attach(self._seal(resolution, batch.touchpoints))
        if resolution.merges:
            await _redirect(batch, identities)
            await identities.journal(resolution.merges, now)
        if resolution.refusals:
            await identities.record_refusals(
                [(refusal, batch.evidence(refusal.position)) for refusal in resolution.refusals], now
            )

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

    def _traits(
        self, placements: Sequence[UUID], touchpoints: Sequence[TouchpointReceivedV1]
    ) -> Iterable[Trait]:
        for profile_id, touchpoint in zip(placements, touchpoints, strict=True):
            if touchpoint.has_traits:
                told = Told(touchpoint.occurred_at, touchpoint.touchpoint_id)
                for name, value in self.vault.open_traits(touchpoint).items():
                    key = TraitKey(profile_id, name, touchpoint.channel)
                    yield Trait(key, told, value, self.vault.trait_hash(name, value))


async def _drop_repeats(arrivals: Sequence[Arrival], identities: Identities) -> list[Arrival]:
    """Keep the first of each touchpoint, unless an earlier batch (however long ago) had it."""
    first: dict[UUID, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.touchpoint.touchpoint_id, arrival)
    new = await identities.claim(first)
    return [arrival for touchpoint_id, arrival in first.items() if touchpoint_id in new]


async def _read_under_locks(touchpoints: Sequence[TouchpointReceivedV1], identities: Identities) -> Known:
    """Read who owns the identifiers; lock the customers that may change and read again, until nobody else can.

    Only what is at stake is read again. A touchpoint that changes no customer may be placed by a membership that a
    merge has just outdated: readers of its event keep the higher version.
    """
    hashes = {identifier.hash for touchpoint in touchpoints for identifier in touchpoint.identifiers}
    known = await identities.read(hashes)
    locked: set[UUID] = set()
    while not (stake := find_stake(touchpoints, known)).customers <= locked:
        locked |= stake.customers
        await identities.lock(locked)
        known.update(await identities.read(stake.hashes))
    if locked:
        await identities.count(locked, known)
    return known


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


def _totals(arrivals: Sequence[Arrival], resolution: Resolution) -> dict[str, Tally]:
    touchpoints: defaultdict[str, int] = defaultdict(int)
    fragments: defaultdict[str, int] = defaultdict(int)
    merges: defaultdict[str, int] = defaultdict(int)
    for arrival in arrivals:
        touchpoints[arrival.cause.source] += 1
    for position in resolution.founded.values():
        fragments[arrivals[position].cause.source] += 1
    if resolution.merges:
        sources = {arrival.touchpoint.touchpoint_id: arrival.cause.source for arrival in arrivals}
        for merge in resolution.merges:
            merges[sources[merge.touchpoint_id]] += 1
    return {source: Tally(count, fragments[source], merges[source]) for source, count in touchpoints.items()}


def _changes(
    arrivals: Sequence[Arrival], resolution: Resolution, memberships: Mapping[UUID, Membership]
) -> dict[UUID, Change]:
    changes: dict[UUID, Change] = {}
    for (touchpoint, cause), profile_id in zip(arrivals, resolution.placements, strict=True):
        customer_id = memberships[profile_id].customer_id
        change = changes.get(customer_id)
        if change is None:
            change = changes[customer_id] = Change({"touchpoints"}, touchpoint.received_at, cause)
        else:
            change.received_at = min(change.received_at, touchpoint.received_at)
            change.cause = cause
        if touchpoint.purchase is not None:
            change.parts.add("purchases")
        if touchpoint.has_traits:
            change.parts.add("traits")
    for founded in resolution.founded:
        if memberships[founded].customer_id == founded:
            changes[founded].parts.add("created")
    for attachment in resolution.attachments:
        changes[memberships[attachment.profile_id].customer_id].parts.add("identifiers")
    for merge in resolution.merges:
        changes[memberships[merge.customer_id].customer_id].parts.add("merged")
    return changes
