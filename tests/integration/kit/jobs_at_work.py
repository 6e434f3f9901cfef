"""Jobs of several kinds, and runners that carry them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
from tests.integration.kit.mortal import MortalDatabase

from guanxi_kit.consumer import Relay
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.jobs import Job, JobHandler, JobRunner, Step, read_job, submit_job
from guanxi_kit.testing import ManualClock, eventually

STREAM = "scoring.jobs"
EFFECT = "CREATE TABLE {schema}.effect (job_id uuid NOT NULL, item integer NOT NULL);"


class Counting:
    """Writes items 0..count-1, a few a step, and emits one event each."""

    def __init__(self, a_step: int = 3) -> None:
        self.a_step = a_step

    async def work(self, job: Job) -> list[int]:
        begin = job.cursor or 0
        return list(range(begin, min(begin + self.a_step, job.params["count"])))

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        for item in worked:
            await unit.connection.execute("INSERT INTO effect VALUES ($1, $2)", job.job_id, item)
            unit.emit("numbers", b"k", str(item).encode())
        done, count = job.done + len(worked), job.params["count"]
        return Step(done, done, count, finished=done == count, result={"written": done})


class Waiting:
    """Works for ever, until cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = False

    async def work(self, job: Job) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        return Step(None, 1, finished=True)


class Failing:
    """Raises what it is given, in this order, then finishes."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def work(self, job: Job) -> None:
        if self.errors:
            raise self.errors.pop(0)

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        return Step(None, 1, finished=True)


class Jobs:
    """A schema with jobs, and runners on it."""

    def __init__(self, db: MortalDatabase) -> None:
        self.db = db
        self.clock = ManualClock()
        self.handlers: dict[str, JobHandler] = {"count": Counting()}

    def runner(self) -> JobRunner:
        relay = Relay(self.db, None, streams=[STREAM])  # type: ignore[arg-type]
        return JobRunner(self.db, relay, STREAM, self.handlers, self.clock, poll_seconds=0.01, rest=0)

    async def submit(self, kind: str = "count", **params: Any) -> UUID:
        async with self.db.pool.acquire() as connection:
            return await submit_job(
                connection, kind, params, requested_by="ops@example.com", now=self.clock.now()
            )

    async def read(self, job_id: UUID) -> Job:
        async with self.db.pool.acquire() as connection:
            job = await read_job(connection, job_id)
        assert job is not None
        return job

    async def ended(self, job_id: UUID) -> Job:
        async def look() -> Any:
            job = await self.read(job_id)
            return job if job.state not in ("queued", "running") else False

        job: Job = await eventually(look)
        return job

    async def effects(self, job_id: UUID) -> list[int]:
        rows = await self.db.pool.fetch("SELECT item FROM effect WHERE job_id = $1", job_id)
        return sorted(row["item"] for row in rows)

    async def emitted(self) -> list[int]:
        rows = await self.db.pool.fetch("SELECT records FROM outbox")
        return sorted(int(record[2]) for row in rows for record in msgspec.msgpack.decode(row["records"]))

    @asynccontextmanager
    async def running(self, count: int = 1) -> AsyncIterator[list[JobRunner]]:
        runners = [self.runner() for _ in range(count)]
        tasks = [asyncio.create_task(each.run()) for each in runners]
        yield runners
        for each in runners:
            await each.stop()
        await asyncio.gather(*tasks)
