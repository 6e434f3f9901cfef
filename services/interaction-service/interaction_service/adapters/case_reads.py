"""Reading cases: lists by keyset, one case with its clocks and alarms, its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from interaction_service.adapters.case_rows import case_aad, event_aad

LIST = """
SELECT file.*, member.customer_id FROM case_file AS file LEFT JOIN membership AS member USING (profile_id)
WHERE {conditions} ORDER BY {order} LIMIT {limit}
"""
ONE = """
SELECT file.*, member.customer_id,
  ARRAY(SELECT case_id FROM case_file AS linked WHERE linked.duplicate_of = file.case_id ORDER BY opened_at) AS linked
FROM case_file AS file LEFT JOIN membership AS member USING (profile_id) WHERE file.case_id = $1
"""
CLOCKS = """
SELECT cycle, clock, run, state, started_at, due_at, breached_at, stopped_at FROM case_clock
WHERE case_id = $1 AND (cycle, clock, run) IN (
  SELECT cycle, clock, max(run) FROM case_clock WHERE case_id = $1 GROUP BY cycle, clock)
ORDER BY cycle, started_at, clock
"""
ALARMS = """
SELECT cycle, clock, run, level, due_at, raised_at, recipients FROM case_alarm
WHERE case_id = $1 ORDER BY raised_at DESC, clock, level LIMIT 200
"""
EVENTS = """
SELECT case_id, seq, kind, at, actor, visible, detail, sealed FROM case_event
WHERE case_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list; None means all. `due`: open ones only, the promise due first before the others."""

    profile_ids: Sequence[UUID] | None = None
    state: str | None = None
    kind: str | None = None
    team: str | None = None
    owner: str | None = None
    is_open: bool | None = None
    due: bool = False


class PostgresCaseReads:
    """Reads over one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def page(
        self, only: CaseFilter, limit: int, behind: tuple[datetime, UUID] | None
    ) -> list[asyncpg.Record]:
        """Return cases, the newest first, or those due first; `behind` is the place of the last one seen."""
        conditions, arguments = _conditions(only)
        order = "file.next_due_at, file.case_id" if only.due else "file.opened_at DESC, file.case_id DESC"
        if behind is not None:
            column, sign = ("next_due_at", ">") if only.due else ("opened_at", "<")
            arguments += behind
            place = f"(${len(arguments) - 1}::timestamptz, ${len(arguments)}::uuid)"
            conditions.append(f"(file.{column}, file.case_id) {sign} {place}")
        sql = LIST.format(conditions=" AND ".join(conditions) or "true", order=order, limit=int(limit))
        return list(await self._connection.fetch(sql, *arguments))

    async def open_of(self, profile_ids: Sequence[UUID], limit: int) -> list[asyncpg.Record]:
        """Return open cases of fragments, the promise due next first; those that none is running for stand behind."""
        conditions = "file.is_open AND file.profile_id = ANY($1::uuid[])"
        sql = LIST.format(
            conditions=conditions, order="file.next_due_at NULLS LAST, file.opened_at", limit=int(limit)
        )
        return list(await self._connection.fetch(sql, list(profile_ids)))

    async def one(self, case_id: UUID) -> asyncpg.Record | None:
        """Return a case with the ids of those linked to it."""
        return await self._connection.fetchrow(ONE, case_id)

    async def clocks(self, case_id: UUID) -> list[asyncpg.Record]:
        """Return the last run of each clock in each cycle."""
        return list(await self._connection.fetch(CLOCKS, case_id))

    async def alarms(self, case_id: UUID) -> list[asyncpg.Record]:
        """Return the newest alarms."""
        return list(await self._connection.fetch(ALARMS, case_id))

    async def events(self, case_id: UUID, after: int, limit: int) -> list[asyncpg.Record]:
        """Return the history behind a place."""
        return list(await self._connection.fetch(EVENTS, case_id, after, limit))

    def said_of_case(self, row: asyncpg.Record) -> dict[str, Any] | None:
        """Return what a case is about; None when no key of this installation opens it."""
        return self._opened(row["sealed"], case_aad(row["case_id"]))

    def said_of_event(self, row: asyncpg.Record) -> dict[str, Any] | None:
        """Return what was said; None where nothing was, and when no key opens it."""
        if row["sealed"] is None:
            return None
        return self._opened(row["sealed"], event_aad(row["case_id"], row["seq"]))

    def _opened(self, sealed: bytes, aad: bytes) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = msgspec.json.decode(self._keyring.open(sealed, aad))
        except SealBroken:
            return None
        return found


def _conditions(only: CaseFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    arguments: list[Any] = []
    for column, value in (
        ("file.state", only.state),
        ("file.kind", only.kind),
        ("file.team", only.team),
        ("file.owner", only.owner),
    ):
        if value is not None:
            arguments.append(value)
            conditions.append(f"{column} = ${len(arguments)}")
    if only.profile_ids is not None:
        arguments.append(list(only.profile_ids))
        conditions.append(f"file.profile_id = ANY(${len(arguments)}::uuid[])")
    if only.is_open is not None or only.due:
        conditions.append("file.is_open" if only.due or only.is_open else "NOT file.is_open")
    if only.due:
        conditions.append("file.next_due_at IS NOT NULL")
    return conditions, arguments
