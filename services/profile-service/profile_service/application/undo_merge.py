"""Command: undo a merge. Facts lie under their fragments, so that only memberships change."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from profile_service.application.merge_ports import Decision, MergeJournal, StoredMerge
from profile_service.domain.identity import Membership
from profile_service.domain.parting import part


class NoSuchMerge(LookupError):
    """The journal has no such merge."""


class AlreadyUndone(Exception):
    """The merge was undone before: `merge` says by whom and when."""

    def __init__(self, merge: StoredMerge) -> None:
        super().__init__(str(merge.edge.merge_id))
        self.merge = merge


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo brought about: the `moved` fragments left `parted_from` and are `customer_id` from now on."""

    merge_id: UUID
    customer_id: UUID
    parted_from: UUID
    moved: tuple[tuple[UUID, int], ...]


async def undo_merge(merge_id: UUID, decision: Decision, journal: MergeJournal) -> Undone:
    """Part the two sides of a merge. Raises NoSuchMerge, AlreadyUndone.

    The side of the smallest fragment keeps the customer's id, the other gets that of its own smallest fragment. What
    either side gained since the merge stays with the fragment that it was recorded under.
    """
    merge, customer_id = await _lock(merge_id, journal)
    members = await journal.members(customer_id)
    parting = part(members, await journal.edges(members), merge_id)
    leaving = {
        profile_id: Membership(parting.customer_id, members[profile_id].version + 1)
        for profile_id in sorted(parting.leaving)
    }
    await journal.undo(merge, decision)
    await journal.move(leaving)
    for side in parting:
        if len(side) == 1:
            await journal.mark_joined(side, False)
    await journal.count_merges(-1)
    moved = tuple((profile_id, membership.version) for profile_id, membership in leaving.items())
    return Undone(merge_id, parting.customer_id, customer_id, moved)


async def _lock(merge_id: UUID, journal: MergeJournal) -> tuple[StoredMerge, UUID]:
    """Lock the customer that a merge holds together, and return both as they are under the lock."""
    locked: set[UUID] = set()
    while True:
        merge = await journal.merge(merge_id)
        if merge is None:
            raise NoSuchMerge(str(merge_id))
        if merge.undone_at is not None:
            raise AlreadyUndone(merge)
        end = merge.edge.home_profile_id
        customer_id = (await journal.customers_of([end]))[end]
        if customer_id in locked:
            return merge, customer_id
        locked.add(customer_id)
        await journal.lock([customer_id])
