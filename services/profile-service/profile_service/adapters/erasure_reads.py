"""Reads of the ledger of erasures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_contracts.privacy import LegalHold
from profile_service.application.erasure_ports import ErasureRequest, Receipt
from profile_service.domain.erasure import RequestState

COLUMNS = """
request_id, state, requested_at, actor, sealed_reason, customer_ids, profile_ids, tombstones, holds, suppressed,
completed_at
"""
ONE = f"SELECT {COLUMNS} FROM erasure_request WHERE request_id = $1"  # noqa: S608
PAGE = f"""
SELECT {COLUMNS} FROM erasure_request
WHERE ($1::text IS NULL OR state = $1)
  AND ($2::timestamptz IS NULL OR (requested_at, request_id) < ($2, $3::uuid))
ORDER BY requested_at DESC, request_id DESC LIMIT $4
"""  # noqa: S608
LEDGER = f"""
SELECT {COLUMNS} FROM erasure_request
WHERE $1::timestamptz IS NULL OR (requested_at, request_id) > ($1, $2::uuid)
ORDER BY requested_at, request_id LIMIT $3
"""  # noqa: S608
PROGRESS = """
SELECT request_id, state, count(*)::int AS places FROM erasure_receipt
WHERE request_id = ANY($1::uuid[]) GROUP BY request_id, state ORDER BY request_id, state
"""
RECEIPTS = """
SELECT place, state, updated_at, erased, legal_ground, retained_until, detail, attempts, next_attempt_at, partner_id,
  sealed_identifiers
FROM erasure_receipt WHERE request_id = $1 ORDER BY place
"""
Before = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request as it stands."""

    request: ErasureRequest
    state: RequestState
    actor: str
    sealed_reason: bytes | None
    suppressed: int
    completed_at: datetime | None


class PostgresErasureReads:
    """Reads on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def request(self, request_id: UUID) -> StoredRequest | None:
        """Return a request."""
        row = await self._connection.fetchrow(ONE, request_id)
        return None if row is None else _stored(row)

    async def page(self, state: str | None, before: Before | None, limit: int) -> list[StoredRequest]:
        """Return requests, the newest first."""
        at, request_id = before or (None, None)
        return [_stored(row) for row in await self._connection.fetch(PAGE, state, at, request_id, limit)]

    async def ledger(self, after: Before | None, limit: int) -> list[StoredRequest]:
        """Return requests, the oldest first."""
        at, request_id = after or (None, None)
        return [_stored(row) for row in await self._connection.fetch(LEDGER, at, request_id, limit)]

    async def receipts(self, request_id: UUID) -> Sequence[Receipt]:
        """Return where the places of a request stand."""
        return [Receipt(**dict(row)) for row in await self._connection.fetch(RECEIPTS, request_id)]

    async def progress(self, requests: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
        """Return by request how many places are in which state."""
        found: dict[UUID, dict[str, int]] = {}
        for request_id, state, places in await self._connection.fetch(PROGRESS, list(requests)):
            found.setdefault(request_id, {})[state] = places
        return found


def _stored(row: asyncpg.Record) -> StoredRequest:
    return StoredRequest(
        request=ErasureRequest(
            request_id=row["request_id"],
            requested_at=row["requested_at"],
            customer_ids=row["customer_ids"],
            profile_ids=row["profile_ids"],
            tombstones=row["tombstones"],
            holds=tuple(msgspec.convert(row["holds"], list[LegalHold])),
        ),
        state=row["state"],
        actor=row["actor"],
        sealed_reason=row["sealed_reason"],
        suppressed=row["suppressed"],
        completed_at=row["completed_at"],
    )
