"""Sealing everything anew after a rotation, while others write, and whatever is killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.integration.kit.mortal import MortalDatabase, mortal_database, run_until_killed

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.consumer import KIT_TABLES, Relay
from guanxi_kit.crypto import Keyring
from guanxi_kit.jobs import Job, JobRunner, read_job, submit_once
from guanxi_kit.jobs.schema import JOB_TABLE
from guanxi_kit.sealing import KEY_TABLE, REENCRYPT, KeyringUser, Reencrypt, SealedColumn, reencrypt
from guanxi_kit.sealing.store import count_by_key
from guanxi_kit.sealing.users import users_of
from guanxi_kit.testing import ManualClock, eventually

STREAM = "scoring.jobs"
NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)
TABLES = """
CREATE TABLE {schema}.note (hash bytea, name text, number bigint NOT NULL DEFAULT 0, sealed bytea,
    PRIMARY KEY (hash, name));
CREATE TABLE {schema}.visit (id uuid, at timestamptz, sealed bytea NOT NULL, PRIMARY KEY (id, at))
    PARTITION BY RANGE (at);
CREATE TABLE {schema}.visit_2024_04 PARTITION OF {schema}.visit FOR VALUES FROM ('2024-04-01') TO ('2024-05-01');
CREATE TABLE {schema}.visit_other PARTITION OF {schema}.visit DEFAULT;
"""
NOTE = SealedColumn("note", ("hash", "name"), "sealed", lambda row: row["hash"] + row["name"].encode())
VISIT = SealedColumn("visit", ("id", "at"), "sealed", lambda row: bytes(row["id"].bytes))
COLUMNS = (NOTE, VISIT)


class Vault:
    """Sealed notes and visits."""

    def __init__(self, db: MortalDatabase) -> None:
        self.db = db
        self.clock = ManualClock()
        self.old = Keyring.generate()
        self.ring = self.old.with_new_key().promoted()

    async def fill(self, notes: int, visits: int) -> None:
        """Store values under the old key, and one that is null."""
        keys = [(number.to_bytes(4, "big"), f"n\\{number % 3}") for number in range(notes)]
        await self.db.pool.executemany(
            "INSERT INTO note (hash, name, sealed) VALUES ($1, $2, $3)",
            [(*key, self.old.seal(b"note", key[0] + key[1].encode())) for key in keys],
        )
        await self.db.pool.execute("INSERT INTO note (hash, name) VALUES ('', 'nothing')")
        ids = [UUID(int=number) for number in range(visits)]
        await self.db.pool.executemany(
            "INSERT INTO visit VALUES ($1, $2, $3)",
            [(id, NOW - timedelta(days=id.int % 3), self.old.seal(b"visit", id.bytes)) for id in ids],
        )

    def runner(self, handler: type[Reencrypt] = Reencrypt) -> JobRunner:
        relay = Relay(self.db, None, streams=[STREAM])  # type: ignore[arg-type]
        handlers = {REENCRYPT: handler(self.db, self.ring, COLUMNS)}
        return JobRunner(self.db, relay, STREAM, handlers, self.clock, poll_seconds=0.01, rest=0)

    async def submit(self) -> UUID:
        async with self.db.pool.acquire() as connection:
            return await submit_once(connection, REENCRYPT, {}, requested_by="o", now=self.clock.now())

    async def read(self, job_id: UUID) -> Job:
        async with self.db.pool.acquire() as connection:
            job = await read_job(connection, job_id)
        assert job is not None
        return job

    async def run(self, job_id: UUID) -> Job:
        """Run to the end, anew after each kill."""
        while (await self.read(job_id)).state in ("queued", "running"):
            one = self.runner()
            task = asyncio.create_task(run_until_killed(one))
            while not task.done() and (await self.read(job_id)).state in ("queued", "running"):
                await asyncio.sleep(0.005)
                self.clock.advance(0.5)
            await one.stop()
            await task
            self.clock.advance(timedelta(minutes=2))
        return await self.read(job_id)

    async def counted(self) -> Counter[int]:
        """Values by key id."""
        found: Counter[int] = Counter()
        async with self.db.pool.acquire() as connection:
            for column in COLUMNS:
                counts, estimated = await count_by_key(connection, column)
                assert not estimated
                found.update(counts)
        return found

    async def open_all(self) -> int:
        """Open everything with the new ring alone; return how many values there are."""
        alone = self.ring.retired(self.old.primary_key_id)
        rows = await self.db.pool.fetch("SELECT hash, name, sealed FROM note WHERE sealed IS NOT NULL")
        for row in rows:
            alone.open(row["sealed"], NOTE.aad(row))
        visits = await self.db.pool.fetch("SELECT id, sealed FROM visit")
        for row in visits:
            alone.open(row["sealed"], VISIT.aad(row))
        return len(rows) + len(visits)


@pytest.fixture
async def vault(database_dsns: DatabaseDsns, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Vault]:
    monkeypatch.setattr(reencrypt, "PAGE", 10)
    tables = KIT_TABLES + JOB_TABLE + KEY_TABLE + TABLES
    async with mortal_database(database_dsns, tables, seed=5, connections=6) as database:
        yield Vault(database)


@pytest.mark.usefixtures("never_given_up")
async def test_killed_again_and_again_it_goes_on_and_leaves_nothing(vault: Vault) -> None:
    await vault.fill(notes=95, visits=83)
    vault.db.kills = True
    job = await vault.run(await vault.submit())
    new = vault.ring.primary_key_id
    assert (job.state, job.done, job.total) == ("done", 179, 179)
    assert job.result["left"] == {}
    assert job.result["columns"] == [
        {"column": "note.sealed", "rows": 96, "resealed": 95, "left": {}},
        {"column": "visit.sealed", "rows": 83, "resealed": 83, "left": {}},
    ]
    assert await vault.counted() == {new: 178}
    assert await vault.open_all() == 178


async def test_what_others_write_meanwhile_stays_as_they_wrote_it(vault: Vault) -> None:
    await vault.fill(notes=60, visits=0)
    written: dict[bytes, bytes] = {}
    stop = asyncio.Event()

    async def write() -> None:
        chance = random.Random(3)
        while not stop.is_set():
            key = chance.randrange(60).to_bytes(4, "big")
            value = str(len(written)).encode()
            async with vault.db.pool.acquire() as connection, connection.transaction():
                name = await connection.fetchval("SELECT name FROM note WHERE hash = $1 FOR UPDATE", key)
                sealed = vault.ring.seal(value, key + name.encode())
                await connection.execute(
                    "UPDATE note SET sealed = $2, number = number + 1 WHERE hash = $1", key, sealed
                )
                await asyncio.sleep(0.001)
            written[key] = value

    writing = asyncio.create_task(write())
    job = await vault.run(await vault.submit())
    stop.set()
    await writing
    assert job.result["left"] == {}
    assert written
    for row in await vault.db.pool.fetch("SELECT * FROM note WHERE sealed IS NOT NULL"):
        expected = written.get(row["hash"], b"note")
        assert vault.ring.retired(vault.old.primary_key_id).open(row["sealed"], NOTE.aad(row)) == expected


async def test_rows_that_somebody_holds_are_not_waited_for_but_tried_again(vault: Vault) -> None:
    await vault.fill(notes=25, visits=0)
    async with vault.db.pool.acquire() as holder:
        holding = holder.transaction()
        await holding.start()
        await holder.execute("SELECT 1 FROM note WHERE hash = $1 FOR UPDATE", (12).to_bytes(4, "big"))
        job_id = await vault.submit()
        running = asyncio.create_task(vault.run(job_id))

        async def met() -> bool:
            cursor = (await vault.read(job_id)).cursor
            return bool(cursor and cursor["tries"])

        await eventually(met)
        await holding.rollback()
        assert (await running).result["left"] == {}
    assert await vault.open_all() == 25


async def test_what_does_not_open_is_left_and_counted_under_its_key(vault: Vault) -> None:
    await vault.fill(notes=5, visits=0)
    await vault.db.pool.execute(
        "UPDATE note SET sealed = $1 WHERE hash = $2", vault.old.seal(b"x", b"other"), bytes(4)
    )
    await vault.db.pool.execute("UPDATE note SET sealed = 'no seal' WHERE hash = $1", (1).to_bytes(4, "big"))
    job = await vault.run(await vault.submit())
    assert job.result["left"] == {str(vault.old.primary_key_id): 1, "0": 1}


async def test_a_key_promoted_in_the_middle_begins_it_anew(vault: Vault, tmp_path: Path) -> None:
    promoted = asyncio.Event()

    class WaitsBehindTheFirstPage(Reencrypt):
        async def work(self, job: Job) -> Any:
            if job.done:
                await promoted.wait()
            return await super().work(job)

    await vault.fill(notes=40, visits=0)
    path = tmp_path / "keyring.json"
    vault.ring.save(path)
    vault.ring = Keyring.follow(path)
    job_id = await vault.submit()
    one = vault.runner(WaitsBehindTheFirstPage)
    running = asyncio.create_task(one.run())
    await eventually(lambda: _has_begun(vault, job_id))
    newest = vault.ring.with_new_key().promoted()
    newest.save(path)
    promoted.set()
    await one.stop()
    await running
    job = await vault.run(job_id)
    assert job.result["primary_key_id"] == newest.primary_key_id
    assert await vault.counted() == {newest.primary_key_id: 40}


async def _has_begun(vault: Vault, job_id: UUID) -> bool:
    return (await vault.read(job_id)).done > 0


async def test_large_tables_are_counted_from_a_sample(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guanxi_kit.sealing.store.SAMPLED_PAGES", 10)
    await vault.db.pool.execute(
        "INSERT INTO note SELECT int4send(n), 'x', 0, $1 FROM generate_series(1, 5000) AS n",
        vault.old.seal(b"x" * 500, b""),
    )
    async with vault.db.pool.acquire() as connection:
        counts, estimated = await count_by_key(connection, NOTE)
    assert estimated
    assert set(counts) <= {vault.old.primary_key_id}
    assert sum(counts.values()) < 25_000


async def test_each_process_tells_its_keys_and_what_is_wrong_with_its_file(
    vault: Vault, tmp_path: Path
) -> None:
    path = tmp_path / "keyring.json"
    vault.old.save(path)
    ring = Keyring.follow(path)
    user = KeyringUser(ring, vault.db, "worker", vault.clock)

    async def told(**expected: Any) -> bool:
        async with vault.db.pool.acquire() as connection:
            users = await users_of(connection, vault.clock.now())
        return [{name: getattr(each, name) for name in expected} for each in users] == [expected]

    async with user.following():
        await eventually(lambda: told(role="worker", key_ids=list(vault.old.key_ids), fault=None))
        vault.ring.save(path)
        await eventually(
            lambda: told(key_ids=sorted(vault.ring.key_ids), primary_key_id=vault.ring.primary_key_id)
        )
        path.write_text("{}")
        await eventually(lambda: told(fault="the keyring is not a JSON object with aead and index_key"))
        assert user.readiness.advisory
        with pytest.raises(Exception, match="not a JSON object"):
            await user.readiness.probe()
    async with vault.db.pool.acquire() as connection:
        assert await users_of(connection, vault.clock.now()) == []
