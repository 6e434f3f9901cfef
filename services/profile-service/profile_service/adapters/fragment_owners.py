"""Whom fragments belong to, for what is kept under them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg

CUSTOMERS = "SELECT profile_id, customer_id FROM fragment WHERE profile_id = ANY($1::uuid[])"


class FragmentOwners:
    """Reads within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def customers(self, profile_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        rows = await self._connection.fetch(CUSTOMERS, list(profile_ids))
        return {row[0]: row[1] for row in rows}
