"""Reads of consents from PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from profile_service.adapters.consent_store import STANDINGS, evidence_aad, standing
from profile_service.application.consent_ports import RecordedConsent
from profile_service.domain.consents import Consent, ConsentKey, Standing

CHECK = """
SELECT member.customer_id, member.profile_id AS member_id, state.*
FROM fragment AS given
JOIN fragment AS member USING (customer_id)
LEFT JOIN consent_state AS state
  ON state.profile_id = member.profile_id AND state.purpose = $2 AND state.channel = $3
WHERE given.profile_id = $1
"""
HISTORY = """
SELECT entry.*, evidence.sealed
FROM (
  SELECT each.* FROM unnest($1::uuid[]) AS asked (profile_id)
  CROSS JOIN LATERAL (
    SELECT * FROM consent_event
    WHERE consent_event.profile_id = asked.profile_id AND (recorded_at, event_id) < ($2, $3::uuid)
    ORDER BY recorded_at DESC, event_id DESC LIMIT $4
  ) AS each
  ORDER BY each.recorded_at DESC, each.event_id DESC LIMIT $4
) AS entry
LEFT JOIN consent_evidence AS evidence USING (event_id)
ORDER BY entry.recorded_at DESC, entry.event_id DESC
"""
_NEWEST = datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1)


class PostgresConsentReads:
    """The `ConsentReads` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def standings(self, profile_ids: Collection[UUID]) -> list[Standing]:
        """Return what holds of fragments."""
        return [standing(row) for row in await self._connection.fetch(STANDINGS, list(profile_ids))]

    async def standing_of(
        self, given: UUID, purpose: str, channel: str
    ) -> tuple[UUID, list[UUID], list[Standing]] | None:
        """Return customer, fragments and what holds of one purpose and channel; None if there is no customer."""
        rows = await self._connection.fetch(CHECK, given, purpose, channel)
        if not rows:
            return None
        held = [standing(row) for row in rows if row["profile_id"] is not None]
        return rows[0]["customer_id"], [row["member_id"] for row in rows], held

    async def history(
        self, profile_ids: Collection[UUID], before: tuple[datetime, UUID] | None, limit: int
    ) -> list[RecordedConsent]:
        """Return entries of the ledger with their evidence, the last recorded first."""
        at, last = before or _NEWEST
        rows = await self._connection.fetch(HISTORY, list(profile_ids), at, last, limit)
        return [self._recorded(row) for row in rows]

    def _recorded(self, row: asyncpg.Record) -> RecordedConsent:
        sealed = row["sealed"]
        consent = Consent(
            event_id=row["event_id"],
            key=ConsentKey(row["profile_id"], row["purpose"], row["channel"]),
            decision=row["decision"],
            effective_at=row["effective_at"],
            source=row["source"],
            recorded_by=row["recorded_by"],
            notice_version=row["notice_version"],
            evidence=sealed and self._keyring.open(sealed, evidence_aad(row["event_id"])).decode(),
            touchpoint_id=row["touchpoint_id"],
            supersedes=row["supersedes"],
        )
        return RecordedConsent(consent, row["recorded_at"])
