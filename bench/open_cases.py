"""Processor time that the clocks of open cases cost: the worker's own and that of the database for it.

Each case has a solution clock (48 h, round the clock) and a progress clock (24 h, the office's hours), begun at some
moment of the last two days, with timers at 50, 80 and 100 %. A timer that fires has its case locked, the clock's
events read and derived, an event emitted, and the next timer armed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil

from bench.firing import Firing
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.packs import load_pack
from guanxi_kit.timers import Timer, arm
from interaction_service.adapters.working_calendars import make_calendars
from interaction_service.domain.calendars import Calendar
from interaction_service.domain.clocks import ClockEvent, Policy, derive

KIND = "case.clock"
SHARES = (50, 80, 100)
CLOCKS = {"solution": (48, "always"), "progress": (24, "office")}
PACKS = Path(__file__).parents[1] / "packs"
CHUNK = 5_000
READ = """
SELECT case_id, clock, kind, at, policy FROM clock_event
JOIN unnest($1::uuid[], $2::text[]) AS wanted (case_id, clock) USING (case_id, clock) ORDER BY case_id, clock, seq
"""
Events = dict[tuple[UUID, str], list[ClockEvent]]


class Evaluating:
    """Evaluates the clock of each timer that is due."""

    def __init__(self, calendars: Mapping[str, Calendar]) -> None:
        self._calendars = calendars
        self.fired = 0

    async def lock(self, unit: StreamUnit, keys: Sequence[UUID]) -> None:
        """Lock the cases."""
        await unit.connection.fetch(
            "SELECT 1 FROM open_case WHERE case_id = ANY($1::uuid[]) ORDER BY case_id FOR NO KEY UPDATE",
            list(keys),
        )

    async def fire(self, unit: StreamUnit, timers: Sequence[Timer]) -> None:
        """Derive, tell, arm the next."""
        following: list[Timer] = []
        events = await self._read(unit, timers)
        for timer in timers:
            state = derive(events[timer.key, timer.name], unit.now)
            unit.emit("case.changed", timer.key.bytes, b"x" * 400)
            if (turn := state.next_turn(unit.now, SHARES)) is not None:
                following.append(Timer(KIND, timer.key, turn, timer.name))
        await arm(unit.connection, following)
        self.fired += len(timers)

    async def _read(self, unit: StreamUnit, timers: Sequence[Timer]) -> Events:
        rows = await unit.connection.fetch(
            READ, [timer.key for timer in timers], [timer.name for timer in timers]
        )
        found: Events = {}
        for row in rows:
            policy = row["policy"] and Policy(
                row["policy"]["seconds"], self._calendars[row["policy"]["calendar"]]
            )
            found.setdefault((row["case_id"], row["clock"]), []).append(
                ClockEvent(row["kind"], row["at"], policy)
            )
        return found


async def measure(world: Firing, cases: int, seconds: int) -> dict[str, Any]:
    """Return processor time as a share of one core over `seconds`, and what evaluating a clock takes (us)."""
    calendars = make_calendars(load_pack(PACKS, "services").clocks)
    evaluating = Evaluating(calendars)
    derive_us = await _open(world, cases, calendars)
    await world.admin.execute("VACUUM ANALYZE")
    loop = world.loop({KIND: evaluating})
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(3)
    evaluating.fired = 0
    backend = psutil.Process(await world.admin.fetchval("SELECT pg_backend_pid()"))
    server = psutil.Process(backend.ppid())
    began, worker, database = time.monotonic(), time.process_time(), _backends(server)
    await asyncio.sleep(seconds)
    elapsed = time.monotonic() - began
    worker, database = time.process_time() - worker, _backends(server) - database
    await loop.stop()
    await running
    return {
        "worker_percent": round(100 * worker / elapsed, 2),
        "database_percent": round(100 * database / elapsed, 2),
        "fired_per_second": round(evaluating.fired / elapsed, 1),
        "derive_us": round(derive_us, 1),
    }


async def _open(world: Firing, cases: int, calendars: Mapping[str, Calendar]) -> float:
    """Open cases and arm their timers; return the microseconds that deriving one clock takes."""
    chance, now, spent = random.Random(3), datetime.now(UTC), 0.0
    for begin in range(0, cases, CHUNK):
        ids = [uuid4() for _ in range(min(CHUNK, cases - begin))]
        rows, timers = [], []
        for case_id in ids:
            at = now - timedelta(hours=48 * chance.random())
            for clock, (hours, calendar) in CLOCKS.items():
                started = ClockEvent("start", at, Policy(hours * 3600, calendars[calendar]))
                before = time.perf_counter()
                turn = derive([started], now).next_turn(now, SHARES)
                spent += time.perf_counter() - before
                rows.append((case_id, clock, 1, "start", at, {"seconds": hours * 3600, "calendar": calendar}))
                if turn is not None:
                    timers.append(Timer(KIND, case_id, turn, clock))
        async with world.db.pool.acquire() as connection, connection.transaction():
            await connection.copy_records_to_table("open_case", records=[(case_id,) for case_id in ids])
            await connection.copy_records_to_table("clock_event", records=rows)
            await arm(connection, timers)
    return 1e6 * spent / (cases * len(CLOCKS))


def _backends(server: psutil.Process) -> float:
    """Seconds of processor time of the server and its processes; those that ended meanwhile are not counted."""
    total = 0.0
    for process in (server, *server.children(recursive=True)):
        try:
            spent = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return total
