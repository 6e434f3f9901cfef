"""Messages and decisions for readers, from PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from notification_service.application.queries import LoggedDecision, LoggedMessage, Place

_MESSAGES = """
SELECT m.* FROM message AS m
WHERE m.profile_id IN (SELECT profile_id FROM membership WHERE customer_id = $1)
    AND ($2::timestamptz IS NULL OR (m.planned_at, m.send_id) < ($2, $3))
ORDER BY m.planned_at DESC, m.send_id DESC LIMIT $4
"""


class PostgresMessageReader:
    """Reads on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def customer_of(self, customer_id: UUID) -> UUID | None:
        """Return the customer that an id ever given out means today, or None for an unknown id."""
        found: UUID | None = await self._connection.fetchval(
            "SELECT customer_id FROM membership WHERE profile_id = $1", customer_id
        )
        return found

    async def fragments_of(self, customer_id: UUID) -> list[UUID]:
        """Return the fragments of a customer."""
        rows = await self._connection.fetch(
            "SELECT profile_id FROM membership WHERE customer_id = $1", customer_id
        )
        return [row["profile_id"] for row in rows]

    async def messages_of(self, customer_id: UUID, after: Place | None, limit: int) -> list[LoggedMessage]:
        """Return messages of all fragments of a customer, newest first."""
        start = after or (None, None)
        rows = await self._connection.fetch(_MESSAGES, customer_id, start[0], start[1], limit)
        return [_message(row) for row in rows]

    async def decisions_of(self, send_ids: Sequence[UUID]) -> dict[UUID, list[LoggedDecision]]:
        """Return the decisions about these messages, in the order in which they were first made."""
        rows = await self._connection.fetch(
            "SELECT * FROM decision WHERE send_id = ANY($1::uuid[]) ORDER BY first_at, code", send_ids
        )
        found: dict[UUID, list[LoggedDecision]] = {}
        for row in rows:
            decision = LoggedDecision(
                row["code"], row["times"], row["first_at"], row["last_at"], row["detail"]
            )
            found.setdefault(row["send_id"], []).append(decision)
        return found


def _message(row: asyncpg.Record) -> LoggedMessage:
    return LoggedMessage(
        send_id=row["send_id"],
        journey=row["journey"],
        step=row["step"],
        channel=row["channel"],
        template=row["template"],
        profile_id=row["profile_id"],
        state=row["state"],
        reason=row["reason"],
        provider=row["provider"],
        attempts=row["attempt"],
        planned_at=row["planned_at"],
        changed_at=row["changed_at"],
        sent_at=row["sent_at"],
    )
