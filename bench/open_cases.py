"""Processor time that the clocks of open cases cost: the worker's own and that of the database for it.

The cases are complaints, requests and enquiries that came at some moment of the last two days and that nobody has
touched. Some are opened by the case desk, late, so that their alarms are raised at once; the others are copies of
them, each a little later. Then the case desk fires the timers that become due.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import psutil

from bench.firing import STREAM, Firing
from guanxi_kit.clock import SystemClock
from guanxi_kit.consumer import stream_unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.packs import load_pack
from guanxi_kit.packs.clocks import CaseKind
from guanxi_kit.telemetry import METRICS
from interaction_service.adapters.case_store import TIMER
from interaction_service.adapters.case_work import CaseWork
from interaction_service.application.case_commands import OpenCase
from interaction_service.main import make_case_work

PACKS = Path(__file__).parents[1] / "packs"
CUSTOMER = UUID(int=1)
OPENED = 1_000
AGE = timedelta(hours=48)
COPY = """
INSERT INTO interaction.{table} SELECT (jsonb_populate_record(t, jsonb_build_object({changed}))).*
FROM interaction.{table} AS t, generate_series(1, $1::integer) AS n
"""
OTHER = "md5(t.{key}::text || n)::uuid"
LATER = "t.{column} + n * $2::interval"
COPIED = {
    "case_file": "'case_id', {case}, 'number', t.number || '-' || n, 'opened_at', {opened_at}",
    "case_clock": "'case_id', {case}, 'started_at', {started_at}",
    "case_clock_event": "'case_id', {case}, 'at', {at}",
    "case_alarm": "'case_id', {case}",
    "timer": "'key', {timer}, 'shard', ('x' || right({timer}::text, 1))::bit(4)::integer & 7,"
    " 'due_at', {due_at}, 'turn_at', {turn_at}",
}


async def measure(world: Firing, cases: int, seconds: int) -> dict[str, Any]:
    """Return processor time as a share of one core over `seconds`, and what alarms cost that come all at once."""
    work = make_case_work(Keyring.generate(), load_pack(PACKS, "services"))
    opened = min(OPENED, cases)
    await world.admin.execute("TRUNCATE interaction.timer, interaction.outbox")
    await _open(world, work, opened)
    loop = world.loop({TIMER: work})
    server = psutil.Process(psutil.Process(await world.admin.fetchval("SELECT pg_backend_pid()")).ppid())
    began = _Spent(server)
    caught_up = await loop.turn()
    at_once = began.until_now()
    await _copy(world, cases // opened - 1, AGE / cases)
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(3)
    before, began = _fired(), _Spent(server)
    await asyncio.sleep(seconds)
    worker, database, elapsed = began.until_now()
    fired = _fired() - before
    await loop.stop()
    await running
    return {
        "worker_percent": round(100 * worker / elapsed, 2),
        "database_percent": round(100 * database / elapsed, 2),
        "fired_per_second": round(fired / elapsed, 1),
        "all_at_once": {
            "timers": caught_up,
            "worker_ms_each": round(1000 * at_once[0] / caught_up, 2),
            "database_ms_each": round(1000 * at_once[1] / caught_up, 2),
        },
    }


async def _open(world: Firing, work: CaseWork, count: int) -> None:
    now = datetime.now(UTC)
    await world.admin.execute(
        "INSERT INTO interaction.membership (profile_id, customer_id, version) VALUES ($1, $1, 1)", CUSTOMER
    )
    kinds = get_args(CaseKind)
    for begin in range(0, count, 100):
        async with stream_unit(world.db, world.relay, STREAM, SystemClock()) as unit:
            desk = work.desk(unit)
            for number in range(begin, min(begin + 100, count)):
                await desk.open(
                    OpenCase(
                        CUSTOMER,
                        kinds[number % len(kinds)],
                        {"subject": "It does not work"},
                        actor="bench",
                        team="service",
                        received_at=now - AGE * (number + 1) / count,
                    )
                )


async def _copy(world: Firing, copies: int, apart: timedelta) -> None:
    keys = {"case": OTHER.format(key="case_id"), "timer": OTHER.format(key="key")}
    times = ("opened_at", "started_at", "at", "due_at", "turn_at")
    parts = keys | {column: LATER.format(column=column) for column in times}
    for table, changed in COPIED.items():
        statement = COPY.format(table=table, changed=changed.format(**parts))
        arguments = [copies, apart] if "$2" in statement else [copies]
        await world.admin.execute(statement, *arguments, timeout=600)
    await world.admin.execute("VACUUM ANALYZE", timeout=600)


def _fired() -> float:
    fired: float = METRICS.timers.labels(kind=TIMER, outcome="fired")._value.get()
    return fired


class _Spent:
    """Processor time from now on: of this process, and of the server with its processes that do not end meanwhile."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self._began = self._now()

    def until_now(self) -> tuple[float, float, float]:
        """Return seconds of this process, of the server, and of the wall clock."""
        worker, database, wall = (now - began for now, began in zip(self._now(), self._began, strict=True))
        return worker, database, wall

    def _now(self) -> tuple[float, float, float]:
        database = 0.0
        for process in (self._server, *self._server.children(recursive=True)):
            try:
                spent = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            database += spent.user + spent.system
        return time.process_time(), database, time.monotonic()
