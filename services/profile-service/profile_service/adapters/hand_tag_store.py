"""Tags set by people, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.tag_by_hand import TagWish

OWNER = "SELECT customer_id FROM fragment WHERE profile_id = $1"
SET = """
INSERT INTO hand_tag AS standing (profile_id, tag, set_at, expires_at, actor, reason)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (profile_id, tag) DO UPDATE SET
  expires_at = excluded.expires_at, actor = excluded.actor, reason = excluded.reason
"""
TAKE_OFF = """
DELETE FROM hand_tag WHERE tag = $2 AND profile_id IN (SELECT profile_id FROM fragment WHERE customer_id = $1)
RETURNING profile_id
"""
NOTE = """
INSERT INTO classification_event (profile_id, kind, name, present, at, source, actor, reason, detail)
SELECT profile_id, 'tag', $2, $3, $4, 'manual', $5, $6, $7 FROM unnest($1::uuid[]) AS given (profile_id)
"""


class PostgresHandTags:
    """The `HandTags` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def owner(self, profile_id: UUID) -> UUID | None:
        """Return the customer that a fragment, or a customer id ever given out, belongs to now."""
        found: UUID | None = await self._connection.fetchval(OWNER, profile_id)
        return found

    async def set(self, profile_id: UUID, wish: TagWish, now: datetime) -> None:
        """Set or renew a tag."""
        await self._connection.execute(
            SET, profile_id, wish.tag, now, wish.expires_at, wish.actor, wish.reason
        )
        detail = None if wish.expires_at is None else {"expires_at": wish.expires_at}
        await self._note([profile_id], wish, now, detail, present=True)

    async def take_off(self, customer_id: UUID, wish: TagWish, now: datetime) -> Sequence[UUID]:
        """Take a tag off all fragments of a customer; return those that had it."""
        fragments = [row[0] for row in await self._connection.fetch(TAKE_OFF, customer_id, wish.tag)]
        await self._note(fragments, wish, now, None, present=False)
        return fragments

    async def _note(
        self, fragments: Sequence[UUID], wish: TagWish, now: datetime, detail: Any, *, present: bool
    ) -> None:
        await self._connection.execute(
            NOTE, fragments, wish.tag, present, now, wish.actor, wish.reason, detail
        )
