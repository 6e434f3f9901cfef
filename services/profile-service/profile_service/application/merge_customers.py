"""Command: join two customers because a person said that they are one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from profile_service.application.locking import lock_customers_of
from profile_service.application.ports import Authority, Structure, Tally
from profile_service.domain.decisions import Merge
from profile_service.domain.identity import Membership

BY_HAND = "manual"
SOURCE = "merges by hand"
"""The row of the totals that counts these merges, and takes off the undone ones."""


class NoSuchCustomer(LookupError):
    """Nobody ever had this id."""

    def __init__(self, profile_id: UUID) -> None:
        super().__init__(f"there is no customer {profile_id}")
        self.profile_id = profile_id


class DifferentKinds(Exception):
    """One is a person and the other an enterprise: they are linked, never one."""


@dataclass(frozen=True, slots=True)
class MergeCustomers:
    """Join the customers of two fragments; ids of customers, absorbed ones too, are ids of fragments.

    `by` says whose decision it is (rule `manual` or `suggestion`) and why. The two ids given are the ends of the edge
    in the journal, which an undo parts again.
    """

    left: UUID
    right: UUID
    by: Authority
    merge_id: UUID = field(default_factory=uuid4)


async def merge_customers(command: MergeCustomers, structure: Structure, now: datetime) -> Merge | None:
    """Join two customers in the open transaction, whatever the limits; None when they are one already.

    The caller publishes the merge. Raises NoSuchCustomer, DifferentKinds.
    """
    memberships = await lock_customers_of([command.left, command.right], structure)
    for profile_id in (command.left, command.right):
        if profile_id not in memberships:
            raise NoSuchCustomer(profile_id)
    ends = {memberships[command.left].customer_id, memberships[command.right].customer_id}
    if len(ends) == 1:
        return None
    if len(await structure.enterprises([command.left, command.right])) == 1:
        raise DifferentKinds
    survivor, absorbed = sorted(ends)
    fragments = (await structure.members([absorbed]))[absorbed]
    versions = await structure.memberships(fragments)
    merge = Merge(
        merge_id=command.merge_id,
        customer_id=survivor,
        absorbed_customer_id=absorbed,
        moved=tuple((profile_id, versions[profile_id].version + 1) for profile_id in fragments),
        touchpoint_id=command.merge_id,
        identifier_type=BY_HAND,
        identifier_hash=b"",
        home_profile_id=command.left,
        owner_profile_id=command.right,
        strongest_hash=None,
    )
    await structure.move({profile_id: Membership(survivor, version) for profile_id, version in merge.moved})
    await structure.mark_joined({survivor})
    await structure.journal([merge], now, command.by)
    await structure.add_totals({SOURCE: Tally(touchpoints=0, fragments=0, merges=1)})
    return merge
