"""Command: a person says that two customers are one. Limits do not count, and the journal says who said so and why."""

from __future__ import annotations

from uuid import UUID

from profile_service.application.merge_ports import Decision, HandRule, JoinedByHand, MergeJournal
from profile_service.domain.identity import Membership
from profile_service.domain.parting import Edge


class NoSuchCustomer(LookupError):
    """There is no customer, and no fragment, with this id."""

    def __init__(self, customer_id: UUID) -> None:
        super().__init__(str(customer_id))
        self.customer_id = customer_id


class AlreadyOne(Exception):
    """Both ids mean the same customer."""

    def __init__(self, customer_id: UUID) -> None:
        super().__init__(str(customer_id))
        self.customer_id = customer_id


async def merge_by_hand(
    merge_id: UUID, ends: tuple[UUID, UUID], rule: HandRule, decision: Decision, journal: MergeJournal
) -> JoinedByHand:
    """Make two customers one; `ends` are any ids of them, and what the journal ties.

    The customer with the smaller id survives, as with any merge. Raises NoSuchCustomer, AlreadyOne.
    """
    survivor, absorbed = await _lock(ends, journal)
    members = await journal.members(absorbed)
    moved = {
        profile_id: Membership(survivor, membership.version + 1) for profile_id, membership in members.items()
    }
    joined = JoinedByHand(
        merge_id,
        survivor,
        absorbed,
        tuple((profile_id, membership.version) for profile_id, membership in moved.items()),
        Edge(merge_id, *ends),
        rule,
    )
    await journal.join(joined, decision)
    await journal.move(moved)
    await journal.mark_joined([*await journal.members(survivor)], True)
    await journal.count_merges(1)
    return joined


async def _lock(ends: tuple[UUID, UUID], journal: MergeJournal) -> tuple[UUID, UUID]:
    """Lock the customers of both ends, and return them as they are under the locks: survivor, absorbed."""
    locked: set[UUID] = set()
    while True:
        customers = await journal.customers_of(ends)
        for end in ends:
            if end not in customers:
                raise NoSuchCustomer(end)
        wanted = set(customers.values())
        if wanted <= locked:
            if len(wanted) == 1:
                raise AlreadyOne(wanted.pop())
            survivor, absorbed = sorted(wanted, key=_number)
            return survivor, absorbed
        locked |= wanted
        await journal.lock(locked)


def _number(customer_id: UUID) -> int:
    return customer_id.int
