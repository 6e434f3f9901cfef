"""Memberships, enrolments, planned messages and the decision log in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from notification_service.application.commands import Membership
from notification_service.application.ports import Decision, EnrolmentRow, NewMessage

# The outer join leaves alone what is known already, which is nearly everything, without locking it.
_KEEP_MEMBERSHIPS = """
INSERT INTO membership AS m (profile_id, customer_id, version)
SELECT u.profile_id, u.customer_id, u.version
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS u(profile_id, customer_id, version)
LEFT JOIN membership AS known ON known.profile_id = u.profile_id
WHERE known.version IS NULL OR known.version < u.version
ORDER BY u.profile_id
ON CONFLICT (profile_id) DO UPDATE SET customer_id = excluded.customer_id, version = excluded.version
WHERE m.version < excluded.version
"""

_BESIDE = """
SELECT asked.profile_id AS asked, beside.profile_id AS beside
FROM membership AS asked JOIN membership AS beside USING (customer_id)
WHERE asked.profile_id = ANY($1::uuid[])
"""

_ENROL = """
INSERT INTO enrolment (journey, profile_id, origin_profile_id, journey_version, touchpoint_id, enrolled_at)
SELECT $1, p, o, v, t, $6 FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[]) AS u(p, o, v, t) ORDER BY p
ON CONFLICT (journey, profile_id) DO NOTHING RETURNING profile_id
"""

_PLAN = """
INSERT INTO message (send_id, journey, journey_version, step, profile_id, touchpoint_id, channel, template, state,
    once, survey_id, due_at, planned_at, changed_at)
SELECT s, j, v, n, p, t, c, e, st, o, q, CASE st WHEN 'planned' THEN $12::timestamptz END, $12, $12
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
    $9::text[], $10::boolean[], $11::uuid[]) AS u(s, j, v, n, p, t, c, e, st, o, q)
ORDER BY s
ON CONFLICT (send_id) DO NOTHING
"""

_LOG = """
INSERT INTO decision AS d (send_id, code, times, first_at, last_at, detail)
SELECT s, c, n, $5, $5, x FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::jsonb[]) AS u(s, c, n, x)
ORDER BY s, c
ON CONFLICT (send_id, code) DO UPDATE
SET times = d.times + excluded.times, last_at = excluded.last_at, detail = excluded.detail
"""


class PostgresPlanStore:
    """The plan store of one transaction."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def keep_memberships(self, memberships: Sequence[Membership]) -> None:
        """Keep the highest version of each fragment's membership, in whichever order they are heard of."""
        newest: dict[UUID, Membership] = {}
        for one in memberships:
            known = newest.get(one.profile_id)
            if known is None or one.version > known.version:
                newest[one.profile_id] = one
        await self._connection.execute(
            _KEEP_MEMBERSHIPS,
            list(newest),
            [one.customer_id for one in newest.values()],
            [one.version for one in newest.values()],
        )

    async def fragments_beside(self, profile_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Return all fragments of the customer of each of these fragments."""
        found: dict[UUID, set[UUID]] = {}
        for row in await self._connection.fetch(_BESIDE, list(profile_ids)):
            found.setdefault(row["asked"], set()).add(row["beside"])
        return {asked: frozenset(beside) for asked, beside in found.items()}

    async def enrol(self, journey: str, rows: Sequence[EnrolmentRow], now: datetime) -> set[UUID]:
        """Enrol fragments and return those that were not; the unique key makes concurrent ones wait."""
        inserted = await self._connection.fetch(
            _ENROL,
            journey,
            [row.profile_id for row in rows],
            [row.origin_profile_id for row in rows],
            [row.journey_version for row in rows],
            [row.touchpoint_id for row in rows],
            now,
        )
        return {row["profile_id"] for row in inserted}

    async def origins(self, journey: str, profile_ids: Collection[UUID]) -> dict[UUID, EnrolmentRow]:
        """Return the enrolments of these fragments."""
        rows = await self._connection.fetch(
            "SELECT profile_id, origin_profile_id, journey_version, touchpoint_id FROM enrolment"
            " WHERE journey = $1 AND profile_id = ANY($2::uuid[])",
            journey,
            list(profile_ids),
        )
        return {row["profile_id"]: EnrolmentRow(*row) for row in rows}

    async def adopt(self, journey: str, rows: Sequence[EnrolmentRow]) -> None:
        """Point enrolments, all made in this transaction, at the one they belong to."""
        if rows:
            await self._connection.execute(
                "UPDATE enrolment AS e SET origin_profile_id = o, journey_version = v, touchpoint_id = t"
                " FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[]) AS u(p, o, v, t)"
                " WHERE e.journey = $1 AND e.profile_id = u.p",
                journey,
                [row.profile_id for row in rows],
                [row.origin_profile_id for row in rows],
                [row.journey_version for row in rows],
                [row.touchpoint_id for row in rows],
            )

    async def plan(self, messages: Sequence[NewMessage], now: datetime) -> None:
        """Insert messages; one that is there already stays as it is."""
        if not messages:
            return
        await self._connection.execute(
            _PLAN,
            [message.send_id for message in messages],
            [message.journey for message in messages],
            [message.journey_version for message in messages],
            [message.step for message in messages],
            [message.profile_id for message in messages],
            [message.touchpoint_id for message in messages],
            [message.channel for message in messages],
            [message.template for message in messages],
            [message.state for message in messages],
            [message.once for message in messages],
            [message.survey_id for message in messages],
            now,
        )

    async def log(self, decisions: Sequence[Decision], now: datetime) -> None:
        """Log decisions: one row for a code of a message, with how often and when last."""
        await log_decisions(self._connection, decisions, now)


async def log_decisions(
    connection: asyncpg.Connection[Any], decisions: Sequence[Decision], now: datetime
) -> None:
    """Log decisions: one row for a code of a message, with how often and when last."""
    if not decisions:
        return
    counted: dict[tuple[UUID, str], tuple[int, Mapping[str, str | int]]] = {}
    for send_id, code, detail in decisions:
        times, _ = counted.get((send_id, code), (0, {}))
        counted[send_id, code] = (times + 1, detail)
    await connection.execute(
        _LOG,
        [send_id for send_id, _ in counted],
        [code for _, code in counted],
        [times for times, _ in counted.values()],
        [dict(detail) for _, detail in counted.values()],
        now,
    )
