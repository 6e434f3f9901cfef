"""Removing a person's figures in PostgreSQL."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_kit.erasure import arguments_of, carry_out, erase_alone, remember_erased
from scoring_service.adapters.erasure_rules import RULES

CUSTOMERS = """
SELECT customer_id FROM feature WHERE profile_id = ANY($1::uuid[])
UNION SELECT customer_id FROM customer_score WHERE customer_id = ANY($2::uuid[])
"""


class PostgresErasure:
    """The `Erasure` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def alone(self) -> None:
        """Wait for those who count touchpoints, and keep them from it until the transaction ends."""
        await erase_alone(self._connection)

    async def remove(self, request: ErasureRequestedV1) -> tuple[dict[str, int], set[UUID]]:
        """Remove the person's figures; return the rows removed by table, and whose scores rested on them."""
        await remember_erased(self._connection, request.request_id, request.profile_ids, request.requested_at)
        rows = await self._connection.fetch(CUSTOMERS, request.profile_ids, request.customer_ids)
        erased = await carry_out(self._connection, RULES, arguments_of(request))
        return erased, {row[0] for row in rows}
