"""Locks on customers, taken in one order, so that commands and workers do not cross."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from profile_service.application.ports import Structure
from profile_service.domain.identity import Membership


async def lock_customers_of(profile_ids: Collection[UUID], structure: Structure) -> dict[UUID, Membership]:
    """Lock the customers that these fragments belong to and return their memberships; unknown fragments are absent.

    A customer may be merged away between reading and locking: then the one that took it over is locked, too.
    """
    locked: set[UUID] = set()
    while True:
        memberships = await structure.memberships(profile_ids)
        customers = {membership.customer_id for membership in memberships.values()}
        if customers <= locked:
            return memberships
        await structure.lock(customers)
        locked |= customers
