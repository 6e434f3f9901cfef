"""Removing a person's timeline in PostgreSQL, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring

_NEXT = """
SELECT occurred_at, touchpoint_id FROM touchpoint WHERE profile_id = $1 ORDER BY occurred_at LIMIT $2
"""
# The plain bounds let the planner skip months.
_DELETE = """
DELETE FROM touchpoint USING unnest($2::timestamptz[], $3::uuid[]) AS doomed (at, id)
WHERE profile_id = $1 AND occurred_at >= $4 AND occurred_at <= $5
  AND occurred_at = doomed.at AND touchpoint_id = doomed.id
RETURNING occurred_at, channel, name, amount_minor, currency, quantity
"""
_DELETE_WORDS = """
DELETE FROM touchpoint_text USING unnest($2::timestamptz[], $3::uuid[]) AS doomed (at, id)
WHERE profile_id = $1 AND occurred_at = doomed.at AND touchpoint_id = doomed.id
"""
_HOLD = """
INSERT INTO held_record (request_id, number, kind, records, sealed)
SELECT $1, coalesce(max(number), 0) + 1, 'purchases', $2, $3 FROM held_record WHERE request_id = $1
"""


class HeldPurchase(NamedTuple):
    """What a legal hold keeps of a purchase: no content, and nothing that says whose it was."""

    occurred_at: datetime
    channel: str
    name: str | None
    amount_minor: int
    currency: str
    quantity: int


def held_aad(request_id: UUID) -> bytes:
    """What binds held records to their request."""
    return b"held\0" + request_id.bytes


class PostgresTimelineErasure:
    """Removes within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def remove_page(self, profile_id: UUID, limit: int) -> tuple[int, Sequence[HeldPurchase]]:
        """Remove up to `limit` touchpoints of a fragment; return how many, and the purchases among them."""
        doomed = await self._connection.fetch(_NEXT, profile_id, limit)
        if not doomed:
            return 0, []
        times = [row["occurred_at"] for row in doomed]
        ids = [row["touchpoint_id"] for row in doomed]
        await self._connection.execute(_DELETE_WORDS, profile_id, times, ids)
        gone = await self._connection.fetch(_DELETE, profile_id, times, ids, times[0], times[-1])
        return len(gone), [HeldPurchase(*row) for row in gone if row["amount_minor"] is not None]

    async def hold(self, request_id: UUID, purchases: Sequence[HeldPurchase]) -> None:
        """Keep purchases under seal."""
        sealed = self._keyring.seal(
            msgspec.json.encode([one._asdict() for one in purchases]), held_aad(request_id)
        )
        await self._connection.execute(_HOLD, request_id, len(purchases), sealed)
