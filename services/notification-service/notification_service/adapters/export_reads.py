"""A person's messages and enrolments as they are stored, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.db import Database

PAGE = 500
MESSAGES = """
SELECT message.*, (
  SELECT jsonb_agg(jsonb_build_object(
    'code', code, 'times', times, 'first_at', first_at, 'last_at', last_at, 'detail', detail) ORDER BY first_at, code)
  FROM decision WHERE send_id = message.send_id) AS decisions
FROM message WHERE profile_id = ANY($1::uuid[])
  AND ($2::timestamptz IS NULL OR (planned_at, send_id) > ($2, $3::uuid))
ORDER BY planned_at, send_id LIMIT $4
"""
ENROLMENTS = """
SELECT journey, profile_id, journey_version, touchpoint_id, enrolled_at FROM enrolment
WHERE profile_id = ANY($1::uuid[]) ORDER BY journey, profile_id
"""
NOTICES = """
SELECT case_id, task_id, customer_id, template, told, state, planned_at FROM staff_notice
WHERE profile_id = ANY($1::uuid[]) ORDER BY planned_at, notice_id
"""
_INTERNAL = frozenset(("address_hash", "due_at", "attempt", "once"))


async def messages(database: Database, people: Sequence[UUID]) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield pages of all messages to a person with why they were (not) sent, oldest first."""
    last: tuple[datetime | None, UUID | None] = (None, None)
    while True:
        async with database.connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(MESSAGES, people, *last, PAGE)
        yield [{name: value for name, value in row.items() if name not in _INTERNAL} for row in rows]
        if len(rows) < PAGE:
            return
        last = (rows[-1]["planned_at"], rows[-1]["send_id"])


async def enrolments(database: Database, people: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return the journeys of a person: one row for each fragment and journey at most."""
    async with database.connection() as connection:
        return [dict(row) for row in await connection.fetch(ENROLMENTS, people)]


async def notices(database: Database, people: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return what staff were told of a person, the person's cases and tasks about the person."""
    async with database.connection() as connection:
        return [dict(row) for row in await connection.fetch(NOTICES, people)]
