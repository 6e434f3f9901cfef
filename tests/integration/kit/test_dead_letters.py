"""Dead letters: a replay takes effect once, whoever replays or discards beside it and whoever dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.integration.kit.mortal import MortalDatabase, mortal_database, run_until_killed

from guanxi_contracts.envelope import EventType
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.consumer import KIT_TABLES, REPLAYABLE_LETTERS, Poison, Received, Relay, Subscription, Unit
from guanxi_kit.consumer.dead_letters import DeadLetter, mentions_of, park
from guanxi_kit.crypto import Keyring
from guanxi_kit.dead_letters import REPLAY, Letters, ReplayDeadLetters
from guanxi_kit.dead_letters.store import mend_letter, read_letter, remove_letters
from guanxi_kit.erasure import DEAD_LETTERS, KEYS, PLUMBING, carry_out
from guanxi_kit.jobs import Job, JobRunner, read_job, submit_job
from guanxi_kit.jobs.schema import JOB_TABLE
from guanxi_kit.log.port import Record
from guanxi_kit.testing import ManualClock

STREAM = "scoring.jobs"
EFFECT = "CREATE TABLE {schema}.effect (number integer NOT NULL);"
FAULT = "a number nobody likes"


class Numbered(msgspec.Struct):
    number: int


NUMBERED = EventType("test.numbered.v1", Numbered)


class Office:
    """A service with letters, and a handler that takes what it does not call poison."""

    def __init__(self, db: MortalDatabase) -> None:
        self.db, self.clock, self.keyring = db, ManualClock(), Keyring.generate()
        self.poison: set[int] = set()
        self.handler = ReplayDeadLetters(
            db, self.keyring, [Subscription("numbers", {NUMBERED.type: NUMBERED}, self.handle)]
        )

    async def handle(self, unit: Unit, received: Sequence[Received[Numbered]]) -> None:
        for each in received:
            number = each.event.data.number
            await unit.connection.execute("INSERT INTO effect VALUES ($1)", number)
            unit.outbox.add(each.cause, "doubled", b"k", str(number).encode())
            if number in self.poison:
                raise Poison(FAULT)

    async def park(self, *numbers: int, topic: str = "numbers", value: bytes | None = None) -> None:
        letters = [
            DeadLetter(
                Record(topic, 0, number, b"key", value or self.encoded(number), (), 0), FAULT, "refused"
            )
            for number in numbers
        ]
        async with self.db.pool.acquire() as connection:
            await park(connection, letters, keyring=self.keyring, now=self.clock.now())

    def encoded(self, number: int) -> bytes:
        return NUMBERED.encode(
            Numbered(number), id=str(number), source="test", time=self.clock.now(), subject="s"
        )

    async def submit(self, letters: Letters) -> Any:
        async with self.db.pool.acquire() as connection:
            return await submit_job(
                connection, REPLAY, letters.params(), requested_by="ops", now=self.clock.now()
            )

    async def replay(self, letters: Letters) -> Job:
        job_id = await self.submit(letters)
        while (job := await self.read(job_id)).state in ("queued", "running"):
            await self.live()
        return job

    async def read(self, job_id: Any) -> Job:
        async with self.db.pool.acquire() as connection:
            job = await read_job(connection, job_id)
        assert job is not None
        return job

    async def live(self) -> bool:
        """Run a worker's jobs until it is killed, or for a moment; tell whether it was killed."""
        relay = Relay(self.db, None, streams=[STREAM])  # type: ignore[arg-type]
        runner = JobRunner(
            self.db, relay, STREAM, {REPLAY: self.handler}, self.clock, poll_seconds=0.005, rest=0
        )
        running = asyncio.create_task(run_until_killed(runner))
        await asyncio.wait((running,), timeout=0.15)
        await runner.stop()
        self.clock.advance(timedelta(minutes=2))
        return await running

    async def numbers(self, query: str) -> list[int]:
        return sorted(row[0] for row in await self.db.pool.fetch(query))

    async def effects(self) -> list[int]:
        return await self.numbers("SELECT number FROM effect")

    async def emitted(self) -> list[int]:
        rows = await self.db.pool.fetch("SELECT source, records FROM outbox")
        assert {row["source"] for row in rows} <= {STREAM}
        return sorted(int(record[2]) for row in rows for record in msgspec.msgpack.decode(row["records"]))


@pytest.fixture
async def office(database_dsns: DatabaseDsns) -> AsyncIterator[Office]:
    tables = KIT_TABLES + REPLAYABLE_LETTERS + JOB_TABLE + EFFECT
    async with mortal_database(database_dsns, tables, *DEAD_LETTERS, seed=5, connections=8) as database:
        yield Office(database)


@pytest.mark.usefixtures("never_given_up")
async def test_letters_take_effect_once_through_kills_and_beside_each_other(office: Office) -> None:
    await office.park(*range(40))
    office.poison = {7, 23}
    job_ids = [await office.submit(Letters(fault=FAULT)) for _ in range(2)]
    office.db.faults, office.db.kills, killed = True, True, 0
    for job_id in job_ids:
        while (await office.read(job_id)).state in ("queued", "running"):
            killed += sum(await asyncio.gather(office.live(), office.live()))
    taken = [number for number in range(40) if number not in office.poison]
    assert await office.effects() == await office.emitted() == taken
    assert await office.numbers("SELECT record_offset FROM dead_letter") == [7, 23]
    assert killed > 2
    jobs = [await office.read(job_id) for job_id in job_ids]
    assert sum(job.result["replayed"] for job in jobs) == len(taken)
    assert {job.state for job in jobs} == {"done"}


async def test_one_that_fails_again_keeps_its_place_with_the_new_fault(office: Office) -> None:
    await office.park(1)
    await office.park(2, value=b'{"no": "event"}')
    await office.park(3, topic="left")
    office.poison = {1}
    first = await office.replay(Letters(fault=FAULT))
    assert first.result == {"replayed": 0, "failed": 3, "gone": 0}
    rows = await office.db.pool.fetch("SELECT reason, failures, failed_at FROM dead_letter ORDER BY id")
    assert [row["failures"] for row in rows] == [2, 2, 2]
    assert all(row["failed_at"] is not None for row in rows)
    assert rows[0]["reason"] == FAULT
    assert "not a CloudEvent" in rows[1]["reason"]
    assert rows[2]["reason"] == "nobody here reads this topic any more"
    assert await office.effects() == await office.emitted() == []
    office.poison = set()
    second = await office.replay(Letters(topic="numbers", fault=FAULT))
    assert (second.done, second.total, second.result["replayed"]) == (1, 1, 1)
    assert await office.effects() == [1]


async def test_what_is_discarded_while_it_is_replayed_has_no_effect(office: Office) -> None:
    await office.park(1)
    held = asyncio.Event()

    async def slow(unit: Unit, received: Sequence[Received[Numbered]]) -> None:
        await office.handle(unit, received)
        async with office.db.pool.acquire() as other:
            assert await remove_letters(other, Letters(fault=FAULT)) == 1
        held.set()

    office.handler = ReplayDeadLetters(
        office.db, office.keyring, [Subscription("numbers", {NUMBERED.type: NUMBERED}, slow)]
    )
    job = await office.replay(Letters(fault=FAULT))
    assert held.is_set()
    assert job.result == {"replayed": 0, "failed": 0, "gone": 1}
    assert await office.effects() == await office.emitted() == []


@pytest.mark.parametrize("poison", [set(), {1}])
async def test_what_is_mended_while_it_is_replayed_takes_effect_as_mended(
    office: Office, poison: set[int]
) -> None:
    await office.park(1)
    office.poison = poison

    async def slow(unit: Unit, received: Sequence[Received[Numbered]]) -> None:
        if received[0].event.data.number == 1:
            async with office.db.pool.acquire() as other:
                found = await read_letter(other, 1)
                assert found is not None
                record = found.record(office.keyring)._replace(value=office.encoded(2))
                await mend_letter(other, office.keyring, 1, record)
        await office.handle(unit, received)

    office.handler = ReplayDeadLetters(
        office.db, office.keyring, [Subscription("numbers", {NUMBERED.type: NUMBERED}, slow)]
    )
    job = await office.replay(Letters(fault=FAULT))
    assert job.result == {"replayed": 1, "failed": 0, "gone": 0}
    assert await office.effects() == await office.emitted() == [2]


async def test_an_erasure_finds_letters_by_key_and_by_whom_they_name(office: Office) -> None:
    hashes = [bytes([n]) * 16 for n in range(3)]
    named = msgspec.json.encode(
        {"data": {"identifiers": [{"hash": one} for one in hashes[:2]], "broken": True}}
    )
    assert mentions_of(named) == hashes[:2]
    assert mentions_of(b"\xff") == mentions_of(b'{"data": {"identifiers": 7}}') == []
    await office.park(1, value=named)
    await office.park(2)
    async with office.db.pool.acquire() as connection:
        erased = await carry_out(connection, PLUMBING, {KEYS: hashes[2:]})
        assert erased == {}
        assert await carry_out(connection, PLUMBING, {KEYS: hashes[1:2]}) == {"dead_letter": 1}
        assert await carry_out(connection, PLUMBING, {KEYS: [b"key"]}) == {"dead_letter": 1}
