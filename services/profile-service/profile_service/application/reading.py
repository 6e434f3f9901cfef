"""Reads what sightings are resolved against, under the locks that they need."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from profile_service.application.ports import Identities
from profile_service.domain.census import Known
from profile_service.domain.identity import IdentityRules, Sighting
from profile_service.domain.stake import Stake, find_stake


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads in one transaction, at one moment, under the rules of a pack."""

    identities: Identities
    rules: IdentityRules
    now: datetime

    async def under_locks(self, sightings: Sequence[Sighting]) -> Known:
        """Read how the identifiers stand; lock the customers that may change and read again, until nobody else can.

        Only what is at stake is read again. A touchpoint that changes no customer may be placed by a membership that
        a merge has just outdated: readers of its event keep the higher version.
        """
        known = await self._read(sightings)
        locked: set[UUID] = set()
        sure: set[bytes] = set()
        while True:
            stake = find_stake(sightings, known, self.rules)
            if not stake.customers <= locked:
                locked |= stake.customers
                await self.identities.lock(locked)
            elif stake.hashes <= sure:
                break
            sure = stake.hashes
            known.renew(sure, await self.identities.read(sure, stake.named))
        await self._count(stake, locked, known)
        return known

    async def unlocked(self, sightings: Sequence[Sighting]) -> Known:
        """Read what sightings would be resolved against, locking nobody."""
        known = await self._read(sightings)
        stake = find_stake(sightings, known, self.rules)
        await self._count(stake, stake.customers, known)
        return known

    async def _read(self, sightings: Sequence[Sighting]) -> Known:
        hashes = {identifier.hash for sighting in sightings for identifier in sighting.identifiers}
        named = {sighting.profile_id for sighting in sightings if sighting.profile_id is not None}
        return await self.identities.read(hashes, named)

    async def _count(self, stake: Stake, customers: Collection[UUID], known: Known) -> None:
        """Take the census of customers; what stands against merging only of those that may."""
        if customers:
            await self.identities.count(customers, known, self.rules.windowed)
        if stake.merging:
            rate = self.rules.merges_per_customer
            merged_after = None if rate is None else self.now - rate.window
            await self.identities.guard(stake.merging, known, merged_after)
