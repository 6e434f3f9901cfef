"""The ledger of erasures and their receipts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.erasure_ports import ErasureRequest, Partner, Receipt
from profile_service.domain.erasure import TERMINAL, may_follow

REQUEST_OF = "SELECT request_id FROM erased_fragment WHERE profile_id = $1"
REQUEST_BY = "SELECT request_id FROM tombstone WHERE tombstone = $1"
ADD = """
INSERT INTO erasure_request
  (request_id, state, requested_at, actor, sealed_reason, customer_ids, profile_ids, tombstones, holds)
VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (request_id) DO NOTHING RETURNING true
"""
BURY = """
INSERT INTO tombstone AS standing (tombstone, erased_at, request_id)
SELECT tombstone, $2, $3 FROM unnest($1::bytea[]) AS given (tombstone) ORDER BY tombstone
ON CONFLICT (tombstone) DO UPDATE SET erased_at = excluded.erased_at, request_id = excluded.request_id
WHERE standing.erased_at < excluded.erased_at
"""
PARTNERS = """
SELECT partner_id, name, identifier_types FROM privacy_partner WHERE disabled_at IS NULL ORDER BY name
"""
ADD_RECEIPTS = """
INSERT INTO erasure_receipt (request_id, place, state, erased, legal_ground, retained_until, detail, next_attempt_at,
  partner_id, sealed_identifiers, updated_at)
SELECT $1, given.* FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::text[], $6::timestamptz[], $7::text[],
  $8::timestamptz[], $9::uuid[], $10::bytea[], $11::timestamptz[]) AS given
ON CONFLICT (request_id, place) DO NOTHING
"""
LOCK = (
    "SELECT request_id FROM erasure_request WHERE request_id = ANY($1::uuid[]) ORDER BY request_id FOR UPDATE"
)
STANDING = "SELECT state FROM erasure_receipt WHERE request_id = $1 AND place = $2"
TELL = """
INSERT INTO erasure_receipt AS standing
  (request_id, place, state, erased, legal_ground, detail, next_attempt_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (request_id, place) DO UPDATE SET
  state = excluded.state, detail = excluded.detail, next_attempt_at = excluded.next_attempt_at,
  erased = CASE excluded.erased WHEN '{}' THEN standing.erased ELSE excluded.erased END,
  legal_ground = coalesce(excluded.legal_ground, standing.legal_ground), updated_at = excluded.updated_at,
  sealed_identifiers = CASE WHEN $9 THEN NULL ELSE standing.sealed_identifiers END
"""
POSTPONE = """
UPDATE erasure_receipt SET detail = $3, next_attempt_at = $4, updated_at = $5
WHERE request_id = $1 AND place = $2 AND state = ANY($6::text[])
"""
REOPEN = """
UPDATE erasure_request SET state = 'open', settled_at = NULL, completed_at = NULL
WHERE request_id = ANY($1::uuid[]) AND state = 'failed'
"""
SETTLE = """
UPDATE erasure_request AS request SET settled_at = $2
WHERE request_id = ANY($1::uuid[]) AND settled_at IS NULL AND NOT EXISTS (
  SELECT FROM erasure_receipt AS open WHERE open.request_id = request.request_id
  AND open.state IN ('pending', 'sent', 'acknowledged'))
"""
CALL_NOW = """
UPDATE erasure_receipt SET next_attempt_at = $2
WHERE request_id = $1 AND partner_id IS NOT NULL AND state = ANY($3::text[])
"""
CLEAR_TOPIC = """
UPDATE erasure_receipt AS receipt SET state = 'done', updated_at = $3
FROM erasure_request AS request
WHERE receipt.place = $1 AND receipt.state = 'pending' AND request.request_id = receipt.request_id
  AND request.request_id = ANY($2::uuid[])
"""
_OPEN = ["pending", "sent", "acknowledged"]


class PostgresLedger:
    """The `Ledger` port within the transaction of one connection, and how receipts move on."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def request_of(self, profile_id: UUID) -> UUID | None:
        """Return the request that erased a fragment."""
        found: UUID | None = await self._connection.fetchval(REQUEST_OF, profile_id)
        return found

    async def request_by(self, tombstone: bytes) -> UUID | None:
        """Return the latest request that erased an identifier."""
        found: UUID | None = await self._connection.fetchval(REQUEST_BY, tombstone)
        return found

    async def add(self, request: ErasureRequest, actor: str, sealed_reason: bytes | None) -> bool:
        """Store an open request with its tombstones; False when it is there already."""
        is_new = await self._connection.fetchval(
            ADD,
            request.request_id,
            request.requested_at,
            actor,
            sealed_reason,
            list(request.customer_ids),
            list(request.profile_ids),
            list(request.tombstones),
            list(request.holds),
        )
        if is_new:
            await self._connection.execute(
                BURY, list(request.tombstones), request.requested_at, request.request_id
            )
        return bool(is_new)

    async def add_receipts(self, request_id: UUID, receipts: Sequence[Receipt]) -> None:
        """Store where places stand, unless they have told by themselves already."""
        await self._connection.execute(
            ADD_RECEIPTS,
            request_id,
            [receipt.place for receipt in receipts],
            [receipt.state for receipt in receipts],
            [dict(receipt.erased) for receipt in receipts],
            [receipt.legal_ground for receipt in receipts],
            [receipt.retained_until for receipt in receipts],
            [receipt.detail for receipt in receipts],
            [receipt.next_attempt_at for receipt in receipts],
            [receipt.partner_id for receipt in receipts],
            [receipt.sealed_identifiers for receipt in receipts],
            [receipt.updated_at for receipt in receipts],
        )

    async def partners(self) -> Sequence[Partner]:
        """Return the partners to be told of erasures."""
        rows = await self._connection.fetch(PARTNERS)
        return [Partner(row[0], row[1], frozenset(row[2])) for row in rows]

    async def has_place(self, request_id: UUID, place: str) -> bool:
        """Tell whether a request waits, or waited, for a place."""
        return await self._connection.fetchval(STANDING, request_id, place) is not None

    async def tell(self, told: Sequence[tuple[UUID, Receipt]], now: datetime) -> int:
        """Move places on and return how many moved; what would move back is left as it stands.

        A place of a request that this database does not know yet is kept for it.
        """
        requests = sorted({request_id for request_id, _ in told})
        await self._connection.execute(LOCK, requests)
        moved = 0
        for request_id, receipt in told:
            standing = await self._connection.fetchval(STANDING, request_id, receipt.place)
            if standing is not None and not may_follow(standing, receipt.state):
                continue
            moved += 1
            await self._connection.execute(
                TELL,
                request_id,
                receipt.place,
                receipt.state,
                dict(receipt.erased),
                receipt.legal_ground,
                receipt.detail,
                receipt.next_attempt_at,
                receipt.updated_at,
                receipt.state in TERMINAL,
            )
        if moved:
            await self._connection.execute(REOPEN, requests)
        await self._connection.execute(SETTLE, requests, now)
        return moved

    async def postpone(self, request_id: UUID, receipt: Receipt) -> None:
        """Try a place that is not terminal again, at `next_attempt_at`."""
        await self._connection.execute(
            POSTPONE,
            request_id,
            receipt.place,
            receipt.detail,
            receipt.next_attempt_at,
            receipt.updated_at,
            _OPEN,
        )

    async def call_partners_now(self, request_id: UUID, now: datetime) -> None:
        """Let the partners that are not through be called without waiting for their turn."""
        await self._connection.execute(CALL_NOW, request_id, now, _OPEN)

    async def clear_topic(self, place: str, requests: Sequence[UUID], now: datetime) -> None:
        """Note that a topic holds nothing any more that is older than these requests."""
        await self._connection.execute(LOCK, sorted(requests))
        await self._connection.execute(CLEAR_TOPIC, place, list(requests), now)
        await self._connection.execute(SETTLE, list(requests), now)
