"""Command: undo a merge. Facts lie under their fragments, so that only memberships change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from profile_service.application.locking import lock_customers_of
from profile_service.application.merge_customers import SOURCE
from profile_service.application.merge_ports import Decision, Journal, StoredMerge
from profile_service.application.ports import Tally
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
    undone_at: datetime


async def undo_merge(merge_id: UUID, decision: Decision, journal: Journal) -> Undone:
    """Part the two sides of a merge in the open transaction. Raises NoSuchMerge, AlreadyUndone.

    The side of the smallest fragment keeps the customer's id, the other gets that of its own smallest fragment. What
    either side gained since the merge stays with the fragment that it was recorded under. The caller publishes it.
    """
    end = (await _standing(merge_id, journal)).edge.home_profile_id
    locked = await lock_customers_of([end], journal)
    # Looked at again under the lock: somebody else may have undone it, or erased the person.
    merge = await _standing(merge_id, journal)
    customer_id = locked[end].customer_id
    fragments = (await journal.members([customer_id]))[customer_id]
    parting = part(fragments, await journal.edges(fragments), merge_id)
    versions = await journal.memberships(parting.leaving)
    moved = tuple((profile_id, versions[profile_id].version + 1) for profile_id in sorted(parting.leaving))
    await journal.undo(merge, decision)
    await journal.raise_views(fragments, (customer_id, parting.customer_id))
    await journal.move(
        {profile_id: Membership(parting.customer_id, version) for profile_id, version in moved}
    )
    for side in parting:
        if len(side) == 1:
            await journal.mark_alone(*side)
    await journal.add_totals({SOURCE: Tally(touchpoints=0, fragments=0, merges=-1)})
    return Undone(merge_id, parting.customer_id, customer_id, moved, decision.at)


async def _standing(merge_id: UUID, journal: Journal) -> StoredMerge:
    merge = await journal.merge(merge_id)
    if merge is None:
        raise NoSuchMerge(str(merge_id))
    if merge.undone_at is not None:
        raise AlreadyUndone(merge)
    return merge
