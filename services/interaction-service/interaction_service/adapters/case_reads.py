"""Reading cases: lists by keyset, one case with its clocks and alarms, its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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


NEWEST_BEHIND = "(file.opened_at, file.case_id) < {place}"
DUE_BEHIND = "(coalesce(file.next_due_at, '9999-12-31Z'), file.case_id) > {place}"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list; None means all. `due`: open ones only, the promise due first before the others.

    `has_owner`: those that somebody has, or nobody. `is_breached`: those of which a clock of this cycle ran out, or
    none did.
    """

    profile_ids: Sequence[UUID] | None = None
    number: str | None = None
    state: str | None = None
    kind: str | None = None
    priority: str | None = None
    category: str | None = None
    cause: str | None = None
    source: str | None = None
    team: str | None = None
    owner: str | None = None
    has_owner: bool | None = None
    is_open: bool | None = None
    is_breached: bool | None = None
    due: bool = False


_EQUAL = ("number", "state", "kind", "priority", "category", "cause", "source", "team", "owner")
# As DUE_BEHIND has it.
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def place_of(row: asyncpg.Record, *, due: bool) -> tuple[datetime, UUID]:
    """Return the place of a case in a list; those of which nothing is promised stand behind those due first."""
    return (row["next_due_at"] or _NEVER if due else row["opened_at"]), row["case_id"]


class PostgresCaseReads:
    """Reads over one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def page(
        self, only: CaseFilter, limit: int, behind: tuple[datetime, UUID] | None = None
    ) -> list[asyncpg.Record]:
        """Return cases, the newest first, or those due first; `behind` is the place of the last one seen."""
        sql, arguments = page_statement(only, limit, behind)
        return list(await self._connection.fetch(sql, *arguments))

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


def page_statement(
    only: CaseFilter, limit: int, behind: tuple[datetime, UUID] | None = None
) -> tuple[str, list[Any]]:
    """Return what reads a page, and its arguments."""
    conditions, arguments = _conditions(only)
    order = "file.next_due_at, file.case_id" if only.due else "file.opened_at DESC, file.case_id DESC"
    if behind is not None:
        arguments += behind
        place = f"(${len(arguments) - 1}::timestamptz, ${len(arguments)}::uuid)"
        conditions.append((DUE_BEHIND if only.due else NEWEST_BEHIND).format(place=place))
    return LIST.format(
        conditions=" AND ".join(conditions) or "true", order=order, limit=int(limit)
    ), arguments


def _conditions(only: CaseFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    arguments: list[Any] = []
    for column in _EQUAL:
        value = getattr(only, column)
        if value is not None:
            arguments.append(value)
            conditions.append(f"file.{column} = ${len(arguments)}")
    if only.profile_ids is not None:
        arguments.append(list(only.profile_ids))
        conditions.append(f"file.profile_id = ANY(${len(arguments)}::uuid[])")
    if only.is_open is not None or only.due:
        conditions.append("file.is_open" if only.due or only.is_open else "NOT file.is_open")
    if only.has_owner is not None:
        conditions.append("file.owner IS NOT NULL" if only.has_owner else "file.owner IS NULL")
    if only.is_breached is not None:
        conditions.append("file.breached <> '{}'" if only.is_breached else "file.breached = '{}'")
    return conditions, arguments
