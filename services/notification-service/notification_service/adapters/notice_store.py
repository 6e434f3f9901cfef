"""Notices to staff in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.db import Database
from guanxi_kit.erasure import hold_off_erasures
from notification_service.application.notice_ports import NoticeInHand, NoticeOutcome
from notification_service.application.notices import OpenNotices
from notification_service.domain.notices import PlannedNotice

PLAN = """
INSERT INTO staff_notice (notice_id, case_id, profile_id, recipient, way, told, state, reason, due_at, planned_at,
    changed_at, task_id, template, customer_id)
SELECT n, c, p, r, w, t, CASE WHEN why IS NULL THEN 'planned' ELSE 'skipped' END, why,
    CASE WHEN why IS NULL THEN $11::timestamptz END, $11, $11, k, m, o
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::uuid[], $9::text[],
    $10::uuid[]) AS u(n, c, p, r, w, t, why, k, m, o)
ORDER BY n
ON CONFLICT (notice_id) DO NOTHING
"""
# A notice that was being sent keeps that state while it is looked into: a second death must not forget it.
RESERVE = """
WITH due AS (
    SELECT notice_id, state FROM staff_notice WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
UPDATE staff_notice AS n SET due_at = $2, attempt = n.attempt + 1, changed_at = $1,
    state = CASE due.state WHEN 'sending' THEN 'sending' ELSE 'reserved' END
FROM due WHERE n.notice_id = due.notice_id RETURNING n.*, due.state AS found
"""
START = """
UPDATE staff_notice AS n SET state = 'sending', due_at = $3
FROM unnest($1::uuid[], $2::int[]) AS u(id, attempt)
WHERE n.notice_id = u.id AND n.attempt = u.attempt AND n.state IN ('reserved', 'sending')
RETURNING n.notice_id
"""
SETTLE = """
UPDATE staff_notice AS n SET state = u.state, reason = u.reason, due_at = u.due, changed_at = $6
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::timestamptz[]) AS u(id, attempt, state, reason, due)
WHERE n.notice_id = u.id AND (
    (n.attempt = u.attempt AND n.state IN ('reserved', 'sending'))
    OR (u.state = 'sent' AND n.state IN ('sending', 'uncertain')))
"""


class PostgresNotices:
    """The notice store of one transaction."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def plan(self, notices: Sequence[PlannedNotice], now: datetime) -> None:
        """Insert notices; one that is there already stays as it is."""
        await self._connection.execute(
            PLAN,
            [one.notice_id for one in notices],
            [one.occasion.case_id for one in notices],
            [one.occasion.profile_id for one in notices],
            [one.recipient for one in notices],
            [one.way for one in notices],
            [dict(one.occasion.told) for one in notices],
            [one.reason for one in notices],
            [one.occasion.task_id for one in notices],
            [one.occasion.template for one in notices],
            [one.occasion.customer_id for one in notices],
            now,
        )

    async def reserve(self, now: datetime, lease_until: datetime, limit: int) -> list[NoticeInHand]:
        """Take due notices, and notices whose lease has ended, that nobody else is taking."""
        rows = await self._connection.fetch(RESERVE, now, lease_until, limit)
        return [
            NoticeInHand(
                notice_id=row["notice_id"],
                template=row["template"],
                case_id=row["case_id"],
                task_id=row["task_id"],
                customer_id=row["customer_id"],
                recipient=row["recipient"],
                way=row["way"],
                told=row["told"],
                planned_at=row["planned_at"],
                attempt=row["attempt"],
                was_sending=row["found"] == "sending",
            )
            for row in rows
        ]

    async def start(self, notices: Sequence[NoticeInHand], lease_until: datetime) -> frozenset[UUID]:
        """Mark notices as being sent, and return those that still are in this reservation."""
        # A notice of a person who was erased meanwhile is gone, and is not sent.
        await hold_off_erasures(self._connection)
        ids, attempts = [one.notice_id for one in notices], [one.attempt for one in notices]
        rows = await self._connection.fetch(START, ids, attempts, lease_until)
        return frozenset(row[0] for row in rows)

    async def settle(self, outcomes: Sequence[NoticeOutcome], now: datetime) -> None:
        """Write outcomes of this reservation; an acceptance counts even if it comes late."""
        await self._connection.execute(
            SETTLE,
            [one.notice.notice_id for one in outcomes],
            [one.notice.attempt for one in outcomes],
            [one.state for one in outcomes],
            [one.reason for one in outcomes],
            [one.due_at for one in outcomes],
            now,
        )


def notice_stores(database: Database) -> OpenNotices:
    """Return what opens a transaction of the notices."""

    @asynccontextmanager
    async def open_store() -> AsyncIterator[PostgresNotices]:
        async with database.transaction() as connection:
            yield PostgresNotices(connection)

    return open_store
