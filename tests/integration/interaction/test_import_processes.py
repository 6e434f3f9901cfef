"""Rows are prepared in processes of their own; none is lost or doubled when one of them, or the worker, is killed."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import psutil
import pytest

from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED
from guanxi_devstack.children import Child, ChildSpec
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.crypto import Keyring, sealed_key_id
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import eventually
from interaction_service.adapters.imports.batches import Batch, PrepareHere, Ready
from interaction_service.adapters.imports.row_process import NICE
from interaction_service.adapters.imports.row_processes import ProcessDied, RowProcesses
from interaction_service.application.imports.mapping import ColumnMapping, ImportMapping
from interaction_service.application.imports.ports import Row
from interaction_service.application.making import make_prepare_rows
from interaction_service.application.ports import Channel
from interaction_service.settings import InteractionSettings

from .conftest import NOW, PACKS, Service, ServiceOn, postgres_engine
from .test_imports import at_its_end, call, orders, upload

MAPPING = ImportMapping(
    [
        ColumnMapping("no", "row_key"),
        ColumnMapping("phone", "trait.phone"),
        ColumnMapping("at", "timestamp", "time"),
        ColumnMapping("paid", "property.revenue", "number"),
        ColumnMapping("more", "property.more", "json"),
    ],
    kind="track",
    event="Order Completed",
)
NAMES = [column.column for column in MAPPING.columns]
ROWS = [
    Row(2, ["A1", "13800000001", "2024-05-01 12:00", "1.50", '{"a": [1]}']),
    Row(3, ["A2", 13800000002, date(2024, 5, 1), Decimal("2.5"), [1, None]]),
    Row(4, ["A3", "12", datetime(2024, 5, 1, tzinfo=UTC), 3, None]),
    Row(5, ["begin"], "is not valid CSV"),
    Row(6, ["A4", "13800000004", "2024-05-01", "x"]),
]


def children_of(process: psutil.Process) -> list[psutil.Process]:
    found = []
    for one in process.children():
        # One may end while it is looked at.
        with suppress(psutil.NoSuchProcess):
            if "row_process" in " ".join(one.cmdline()):
                found.append(one)
    return found


def lives(process: psutil.Process) -> bool:
    # One that nobody has buried yet has ended all the same.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def seen(ready: Ready, keyring: Keyring) -> list[Any]:
    """Events with their content opened: a seal is never the same twice."""
    events = [(key, TOUCHPOINT_RECEIVED.decode(value).data) for key, value in ready.events]
    opened = [keyring.open(event.sealed, event.touchpoint_id.bytes) for _, event in events]
    for _, event in events:
        event.sealed = b""
    return [events, opened, ready.refused]


async def test_a_process_prepares_what_the_worker_would_with_its_keys_until_idle(tmp_path: Path) -> None:
    file = tmp_path / "keyring.json"
    Keyring.generate().save(file)
    keyring, pack = Keyring.follow(file), load_pack(PACKS, "services")
    processes, me = RowProcesses(keyring, pack, "CN"), psutil.Process()
    batch = Batch(uuid4(), MAPPING, NAMES, Channel("import", "import", "import"), NOW, ROWS)
    try:
        ready = await processes.prepare(batch)
        here = await PrepareHere(make_prepare_rows(keyring, pack, "CN")).prepare(batch)
        assert seen(ready, keyring) == seen(here, keyring)
        assert ([one.number for one in ready.refused], len(ready.events)) == ([4, 5, 6], 2)
        here_ms, there_ms = await longest_hold(keyring, batch, processes)
        assert there_ms < here_ms / 2, "timers of the worker wait for no rows"
        (process,) = children_of(me)
        assert process.nice() == min(me.nice() + NICE, 19)
        process.suspend()
        asked = asyncio.create_task(processes.prepare(batch))
        await asyncio.sleep(0.05)
        process.kill()
        with pytest.raises(ProcessDied):
            await asked

        keyring.with_new_key().promoted().save(file)
        assert keyring.refresh()
        processes.idle_seconds = 0.2
        ready = await processes.prepare(batch)
        sealed = [TOUCHPOINT_RECEIVED.decode(value).data.sealed for _, value in ready.events]
        assert {sealed_key_id(each) for each in sealed} == {keyring.primary_key_id}
        await eventually(lambda: children_of(me) == [])
    finally:
        await processes.close()


async def longest_hold(keyring: Keyring, batch: Batch, processes: RowProcesses) -> tuple[float, float]:
    """Prepare rows here and there; return for how long either keeps the event loop, in ms of its processor time."""
    many = batch._replace(rows=[Row(number, ROWS[0].values) for number in range(1_000)])
    found: list[float] = []
    for preparing in (PrepareHere(make_prepare_rows(keyring, load_pack(PACKS, "services"), "CN")), processes):
        work = asyncio.create_task(preparing.prepare(many))
        longest, before = 0.0, time.thread_time()
        while not work.done():
            await asyncio.sleep(0)
            before, longest = time.thread_time(), max(longest, time.thread_time() - before)
        assert len((await work).events) == 1_000
        found.append(1000 * longest)
    return found[0], found[1]


def worker_on(settings: InteractionSettings, keyring: Keyring, folder: Path) -> Child:
    keyring.save(folder / "keyring.json")
    assert settings.database_url is not None
    assert settings.log_url is not None
    told = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "LOG_URL": settings.log_url.get_secret_value(),
        "KEYRING_FILE": str(folder / "keyring.json"),
        "JWKS_FILE": str(settings.jwks_file),
        "PACK_DIR": str(settings.pack_dir),
        "PORT": "0",
    }
    environment = {**os.environ, **{f"GUANXI_{name}": value for name, value in told.items()}}
    command = [sys.executable, "-m", "interaction_service", "worker"]
    return Child(ChildSpec("worker", command, 0, folder / "worker.log", environment))


# Whoever is to be killed in the middle must not be through before: each step waits until it is let by.
GATES = """
CREATE FUNCTION interaction.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_advisory_xact_lock_shared(OLD.done); RETURN NEW; END';
CREATE TRIGGER gate BEFORE UPDATE OF done ON interaction.job
  FOR EACH ROW EXECUTE FUNCTION interaction.wait_at_gate();
"""
STEP = 4_000


async def test_whoever_is_killed_all_rows_come_once_and_no_process_stays(
    service_on: ServiceOn, settings: InteractionSettings, database_dsns: DatabaseDsns, tmp_path: Path
) -> None:
    rows = 3 * STEP + 1
    gates = await asyncpg.connect(database_dsns.owner["interaction"])
    await gates.execute(GATES)
    for done in (STEP, 2 * STEP):
        await gates.execute("SELECT pg_advisory_lock($1)", done)
    async with service_on(await postgres_engine(settings, database_dsns)) as service:
        worker = worker_on(settings, service.keyring, tmp_path)
        import_id = (await upload(service, orders(rows)))["import_id"]
        async with service.database.connection() as connection:
            # The worker goes by the real clock, and would take away a file as old as the test's.
            await connection.execute("UPDATE import_file SET uploaded_at = now()")
        await call(service, "POST", import_id, "start")
        try:
            await worker.start()
            await eventually(lambda: has_done(service, import_id, STEP))
            assert worker.pid is not None
            process = psutil.Process(worker.pid)
            children_of(process)[0].kill()
            await gates.execute("SELECT pg_advisory_unlock($1)", STEP)
            await eventually(lambda: has_done(service, import_id, 2 * STEP))
            orphans = children_of(process)
            assert orphans
            await worker.kill()
            await eventually(lambda: not any(map(lives, orphans)))
            await gates.close()
            assert await has_done(service, import_id, 2 * STEP), "killed in the middle"
            async with service.database.connection() as connection:
                # The lease of who was killed runs out by itself; this is not about how long that takes.
                await connection.execute("UPDATE job SET leased_until = now()")
            await worker.start()
            document = await at_its_end(service, import_id)
        finally:
            await worker.stop()
        assert worker.exit_code == 0
        assert "Traceback" not in worker.spec.log_file.read_text()
        received = await service.received()
    assert (document["state"], document["progress"]["accepted"]) == ("done", rows)
    assert len({touchpoint.touchpoint_id for touchpoint in received}) == rows


async def has_done(service: Service, import_id: str, rows: int) -> bool:
    async with service.database.connection() as connection:
        found = await connection.fetchval(
            "SELECT done FROM job JOIN import_file USING (job_id) WHERE import_id = $1", UUID(import_id)
        )
    return bool(found == rows)
