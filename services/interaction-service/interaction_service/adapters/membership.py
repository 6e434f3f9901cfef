"""Whom a fragment belongs to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import asyncpg

CUSTOMERS = "SELECT profile_id, customer_id FROM membership WHERE profile_id = ANY($1::uuid[])"


class KnowsCustomers:
    """What the stores of all desks can tell, over their connection."""

    _connection: asyncpg.Connection[Any]

    async def customers_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        rows = await self._connection.fetch(CUSTOMERS, list(profile_ids))
        return {row["profile_id"]: row["customer_id"] for row in rows}
