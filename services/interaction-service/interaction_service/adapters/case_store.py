"""Cases and their clocks in PostgreSQL, within one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from guanxi_kit.timers import Timer, arm, disarm
from interaction_service.adapters.case_rows import (
    PolicyBook,
    case_aad,
    case_of,
    case_values,
    event_aad,
    runs_of,
    timer_name,
)
from interaction_service.adapters.membership import KnowsCustomers
from interaction_service.application.case_ports import Derived, Happening, LookAgain, Raised, Run
from interaction_service.domain.case_numbers import case_number
from interaction_service.domain.cases import VISIBLE, Case

TIMER = "case.clock"

NEXT_NUMBER = """
INSERT INTO case_number_day AS standing (day, last) VALUES ($1, 1)
ON CONFLICT (day) DO UPDATE SET last = standing.last + 1 RETURNING last
"""
HOLD = "SELECT * FROM case_file WHERE case_id = ANY($1::uuid[]) ORDER BY case_id FOR UPDATE"
IS_REPEAT = "SELECT FROM case_event WHERE case_id = $1 AND repeat_key = $2"
HAS_LINKS = "SELECT FROM case_file WHERE duplicate_of = $1 LIMIT 1"
RUNS = """
SELECT event.case_id, event.cycle, event.clock, event.run, event.kind, event.at, event.policy,
  ARRAY(SELECT level FROM case_alarm AS alarm WHERE (alarm.case_id, alarm.cycle, alarm.clock, alarm.run)
    = (event.case_id, event.cycle, event.clock, event.run)) AS raised
FROM case_file AS file
JOIN LATERAL (
  SELECT clock, max(run) AS run FROM case_clock WHERE case_id = file.case_id AND cycle = file.cycle GROUP BY clock
) AS newest ON true
JOIN case_clock_event AS event ON event.case_id = file.case_id AND event.cycle = file.cycle
  AND event.clock = newest.clock AND event.run = newest.run
WHERE file.case_id = ANY($1::uuid[]) ORDER BY event.case_id, event.clock, event.seq
"""
ADD = """
INSERT INTO case_file (case_id, number, profile_id, source, opened_at, kind, category, cause, priority, state, is_open,
  owner, team, duplicate_of, participants, closed_at, changed_at, cycle, version, next_due_at, next_clock, breached,
  sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
"""
SAVE = """
UPDATE case_file SET kind = $2, category = $3, cause = $4, priority = $5, state = $6, is_open = $7, owner = $8,
  team = $9, duplicate_of = $10, participants = $11, closed_at = $12, changed_at = $13, cycle = $14, version = $15,
  next_due_at = $16, next_clock = $17, breached = $18
WHERE case_id = $1
"""
ADD_EVENT = """
INSERT INTO case_event (case_id, seq, kind, at, actor, visible, detail, repeat_key, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
ADD_CLOCK_EVENTS = """
INSERT INTO case_clock_event (case_id, cycle, clock, run, seq, kind, at, policy)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::int[], $6::text[], $7::timestamptz[],
  $8::jsonb[])
"""
KEEP_CLOCKS = """
INSERT INTO case_clock (case_id, cycle, clock, run, state, started_at, due_at, breached_at, stopped_at)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::timestamptz[], $7::timestamptz[],
  $8::timestamptz[], $9::timestamptz[])
ON CONFLICT (case_id, cycle, clock, run) DO UPDATE SET state = excluded.state, due_at = excluded.due_at,
  breached_at = excluded.breached_at, stopped_at = excluded.stopped_at
"""
ADD_ALARMS = """
INSERT INTO case_alarm (case_id, cycle, clock, run, level, due_at, raised_at, recipients)
SELECT c, y, k, r, l, d, n, string_to_array(w, chr(10))
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[],
  $6::timestamptz[], $7::timestamptz[], $8::text[]) AS u (c, y, k, r, l, d, n, w)
"""


class PostgresCases(KnowsCustomers):
    """The `CaseStore` port within the transaction of one connection; days are those of `zone`."""

    def __init__(
        self, connection: asyncpg.Connection[Any], keyring: Keyring, book: PolicyBook, zone: ZoneInfo
    ) -> None:
        self._connection = connection
        self._keyring = keyring
        self._book = book
        self._zone = zone

    async def next_number(self, at: datetime) -> str:
        """Return the number of the next case of a day."""
        day = at.astimezone(self._zone).date()
        return case_number(day, await self._connection.fetchval(NEXT_NUMBER, day))

    async def hold(self, case_ids: Collection[UUID]) -> Mapping[UUID, Case]:
        """Return cases, locked until the transaction ends; unknown ones are absent."""
        rows = await self._connection.fetch(HOLD, list(case_ids))
        return {row["case_id"]: case_of(row) for row in rows}

    async def is_repeat(self, case_id: UUID, repeat_key: bytes) -> bool:
        """Tell whether the case's history has an entry of this key."""
        return await self._connection.fetchrow(IS_REPEAT, case_id, repeat_key) is not None

    async def has_links(self, case_id: UUID) -> bool:
        """Tell whether other cases are linked to this one."""
        return await self._connection.fetchrow(HAS_LINKS, case_id) is not None

    async def runs(self, case_ids: Collection[UUID]) -> Sequence[Run]:
        """Return the newest run of each clock in the present cycle of each case."""
        return runs_of(await self._connection.fetch(RUNS, list(case_ids)), self._book)

    async def add(self, case: Case, said: Mapping[str, Any]) -> None:
        """Write a new case."""
        sealed = self._keyring.seal(msgspec.json.encode(said), case_aad(case.case_id))
        first = (case.case_id, case.number, case.profile_id, case.source, case.opened_at)
        await self._connection.execute(ADD, *first, *case_values(case, case.opened_at), sealed)

    async def save(self, cases: Sequence[Case], now: datetime) -> None:
        """Write how cases stand now."""
        if cases:
            await self._connection.executemany(
                SAVE, [(case.case_id, *case_values(case, now)) for case in cases]
            )

    async def add_happening(self, happening: Happening) -> None:
        """Append to a case's history."""
        sealed = None
        if happening.said is not None:
            aad = event_aad(happening.case_id, happening.number)
            sealed = self._keyring.seal(msgspec.json.encode(happening.said), aad)
        await self._connection.execute(
            ADD_EVENT,
            happening.case_id,
            happening.number,
            happening.verb,
            happening.at,
            happening.actor,
            happening.verb in VISIBLE,
            dict(happening.detail),
            happening.repeat_key,
            sealed,
        )

    async def add_clock_events(self, added: Sequence[tuple[Run, int]]) -> None:
        """Append the events of each run from this place on."""
        rows = [
            (*_key(run), seq, event.kind, event.at, event.policy and self._book.write(event.policy))
            for run, first in added
            for seq, event in enumerate(run.events)
            if seq >= first
        ]
        await self._bulk(ADD_CLOCK_EVENTS, rows)

    async def keep_clocks(self, derived: Sequence[Derived]) -> None:
        """Write what follows from the events of runs."""
        rows = [
            (*_key(one.run), state.state, state.started_at, state.due_at, state.breached_at, state.stopped_at)
            for one in derived
            for state in (one.state,)
        ]
        await self._bulk(KEEP_CLOCKS, rows)

    async def add_alarms(self, alarms: Sequence[Raised]) -> None:
        """Note that alarms were raised; one that was already is an error, and nothing of the transaction holds."""
        rows = [
            (*_key(alarm.run), alarm.level, alarm.due_at, alarm.raised_at, "\n".join(alarm.recipients))
            for alarm in alarms
        ]
        await self._bulk(ADD_ALARMS, rows)

    async def look_again(self, looks: Sequence[LookAgain]) -> None:
        """Set the timers of runs."""
        await arm(
            self._connection,
            [
                Timer(TIMER, look.run.case_id, look.at, timer_name(look.run))
                for look in looks
                if look.at is not None
            ],
        )
        ended = [look.run for look in looks if look.at is None]
        names = {timer_name(run) for run in ended}
        await disarm(self._connection, TIMER, {run.case_id for run in ended}, names)

    async def _bulk(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            await self._connection.execute(sql, *(list(column) for column in zip(*rows, strict=True)))


def _key(run: Run) -> tuple[UUID, int, str, int]:
    return run.case_id, run.cycle, run.clock, run.number
