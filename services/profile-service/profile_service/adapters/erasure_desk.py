"""The ledger as far as time moves it, in PostgreSQL, and transactions of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.clock import Clock
from guanxi_kit.consumer import Relay, stream_unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from profile_service.adapters.erasure_events import removed
from profile_service.adapters.erasure_reads import PostgresErasureReads
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.person_store import PostgresPersons
from profile_service.application.advance_erasures import DueCall, ErasureUnit, OpenUnit, Waiting
from profile_service.application.erasure_ports import ErasureRequest, Removal
from profile_service.domain.erasure import PROFILE, RequestState, request_state

STREAM = "profile.erasures"
"""The outbox stream of what erasures publish as time goes by."""

CLAIM = """
WITH due AS (
  SELECT request_id, place FROM erasure_receipt
  WHERE next_attempt_at <= $1 AND partner_id IS NOT NULL AND state IN ('pending', 'sent', 'acknowledged')
  ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED),
claimed AS (
  UPDATE erasure_receipt AS receipt SET next_attempt_at = $2, attempts = attempts + 1
  FROM due WHERE receipt.request_id = due.request_id AND receipt.place = due.place RETURNING receipt.*)
SELECT claimed.request_id, claimed.place, claimed.state, claimed.attempts, request.requested_at, partner.partner_id,
  partner.url, partner.status_url, partner.sealed_secret, claimed.sealed_identifiers
FROM claimed JOIN privacy_partner AS partner USING (partner_id)
JOIN erasure_request AS request ON request.request_id = claimed.request_id
"""
WAITING = """
SELECT receipt.place, request.request_id, request.requested_at
FROM erasure_receipt AS receipt JOIN erasure_request AS request USING (request_id)
WHERE receipt.state = 'pending' AND receipt.place = ANY($1::text[])
ORDER BY receipt.place, request.requested_at LIMIT 10000
"""
RAISE = """
UPDATE erasure_request SET state = $1
WHERE completed_at IS NULL AND settled_at IS NULL AND requested_at <= $2
  AND state <> $1 AND NOT ($1 = 'alarm' AND state = 'overdue')
RETURNING request_id
"""
OPEN_PARTNERS = """
SELECT place FROM erasure_receipt
WHERE request_id = $1 AND partner_id IS NOT NULL AND state IN ('pending', 'sent', 'acknowledged')
"""
SETTLED = """
SELECT request_id FROM erasure_request WHERE settled_at IS NOT NULL AND completed_at IS NULL
ORDER BY settled_at LIMIT 100
"""
LOCK_SETTLED = """
SELECT requested_at FROM erasure_request
WHERE request_id = $1 AND settled_at IS NOT NULL AND completed_at IS NULL FOR UPDATE
"""
STATES = "SELECT state FROM erasure_receipt WHERE request_id = $1"
COMPLETE = "UPDATE erasure_request SET state = $2, completed_at = $3 WHERE request_id = $1"
ERASED = "SELECT erased FROM erasure_receipt WHERE request_id = $1 AND place = $2 FOR UPDATE"
SET_ERASED = "UPDATE erasure_receipt SET erased = $3 WHERE request_id = $1 AND place = $2"
COUNTS = """
SELECT state, count(*)::int AS requests FROM erasure_request WHERE completed_at IS NULL GROUP BY state
"""


class PostgresDesk(PostgresLedger):
    """The `Desk` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], topic_places: Sequence[str]) -> None:
        super().__init__(connection)
        self._topic_places = list(topic_places)

    async def claim_calls(self, now: datetime, until: datetime, limit: int) -> Sequence[DueCall]:
        """Take calls that are due; they are this caller's own until then."""
        return [DueCall(*row) for row in await self._connection.fetch(CLAIM, now, until, limit)]

    async def waiting_for_topics(self) -> dict[str, list[Waiting]]:
        """Return by place the requests that wait for it, the oldest first."""
        found: dict[str, list[Waiting]] = {}
        for place, request_id, requested_at in await self._connection.fetch(WAITING, self._topic_places):
            found.setdefault(place, []).append(Waiting(request_id, requested_at))
        return found

    async def raise_state(self, state: RequestState, before: datetime) -> Sequence[UUID]:
        """Give open requests of before a moment this state; return those that had another."""
        return [row[0] for row in await self._connection.fetch(RAISE, state, before)]

    async def open_partners(self, request_id: UUID) -> Sequence[str]:
        """Return the places of partners that are not through."""
        return [row[0] for row in await self._connection.fetch(OPEN_PARTNERS, request_id)]

    async def settled(self) -> Sequence[UUID]:
        """Return requests all of whose places are terminal, to be completed."""
        return [row[0] for row in await self._connection.fetch(SETTLED)]

    async def complete(self, request_id: UUID, now: datetime) -> RequestState | None:
        """Complete a request; None when it is not all settled, or complete already."""
        requested_at = await self._connection.fetchval(LOCK_SETTLED, request_id)
        if requested_at is None:
            return None
        states = [row[0] for row in await self._connection.fetch(STATES, request_id)]
        state = request_state(states, requested_at, now)
        if state not in ("complete", "failed"):
            return None
        await self._connection.execute(COMPLETE, request_id, state, now)
        return state

    async def add_erased(self, request_id: UUID, erased: dict[str, int]) -> None:
        """Add to what profile-service has removed."""
        before: dict[str, int] = await self._connection.fetchval(ERASED, request_id, PROFILE) or {}
        together = {table: before.get(table, 0) + erased.get(table, 0) for table in {*before, *erased}}
        await self._connection.execute(SET_ERASED, request_id, PROFILE, together)

    async def read(self, request_id: UUID) -> ErasureRequest | None:
        """Return a request."""
        stored = await PostgresErasureReads(self._connection).request(request_id)
        return None if stored is None else stored.request

    async def counts(self) -> dict[str, int]:
        """Return how many requests are not complete, by state."""
        return {row[0]: row[1] for row in await self._connection.fetch(COUNTS)}


def erasure_units(
    db: Database, relay: Relay, keyring: Keyring, clock: Clock, topic_places: Sequence[str]
) -> OpenUnit:
    """Return what opens a transaction; what it publishes goes out when it commits."""

    @asynccontextmanager
    async def open_unit() -> AsyncIterator[ErasureUnit]:
        async with stream_unit(db, relay, STREAM, clock) as unit:

            def publish(request: ErasureRequest, removal: Removal) -> None:
                for published in removed(request, removal, unit.now):
                    unit.emit(*published)

            desk = PostgresDesk(unit.connection, topic_places)
            yield ErasureUnit(desk, PostgresPersons(unit.connection, keyring), unit.now, publish)

    return open_unit
