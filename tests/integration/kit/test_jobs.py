"""Background jobs: every step takes effect exactly once, whoever dies, and one job never holds up the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from fastapi import FastAPI
from tests.integration.kit.mortal import Killed, MortalDatabase

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.app import add_routes, create_app
from guanxi_kit.consumer import KIT_TABLES, Relay
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.db import open_pool
from guanxi_kit.jobs import (
    Job,
    JobFailed,
    JobHandler,
    JobRunner,
    Step,
    api,
    cancel_job,
    read_job,
    runner,
    submit_job,
    submit_once,
)
from guanxi_kit.jobs.schema import JOB_TABLE
from guanxi_kit.jobs.store import MOST_CRASHES
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import ManualClock, StaffIdentity, client_of, eventually

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


@pytest.fixture
async def jobs(database_dsns: DatabaseDsns) -> AsyncIterator[Jobs]:
    owner = await asyncpg.connect(database_dsns.owner["scoring"])
    await owner.execute((KIT_TABLES + JOB_TABLE + EFFECT).format(schema="scoring"))
    await owner.close()
    pool = await open_pool(database_dsns.app["scoring"], max=6, application_name="test")
    yield Jobs(MortalDatabase(pool, seed=11))
    await pool.close()


@pytest.mark.usefixtures("never_given_up")
async def test_each_step_takes_effect_once_through_faults_and_kills(jobs: Jobs) -> None:
    job_id = await jobs.submit(count=50)
    jobs.db.faults = jobs.db.kills = True
    killed = 0
    while (await jobs.read(job_id)).state in ("queued", "running"):
        one = jobs.runner()
        running = asyncio.create_task(_quietly(one))
        while not running.done() and (await jobs.read(job_id)).state != "done":
            await asyncio.sleep(0.005)
            jobs.clock.advance(0.2)
        await one.stop()
        killed += await running
        jobs.clock.advance(timedelta(minutes=2))
    job = await jobs.read(job_id)
    assert (job.state, job.done, job.total, job.result) == ("done", 50, 50, {"written": 50})
    assert await jobs.effects(job_id) == await jobs.emitted() == list(range(50))
    assert killed > 2


async def _quietly(one: JobRunner) -> bool:
    try:
        await one.run()
    except Killed:
        return True
    return False


async def test_a_job_of_a_dead_runner_goes_on_when_its_lease_ends(jobs: Jobs) -> None:
    waiting = Waiting()
    jobs.handlers = {"count": waiting}
    job_id = await jobs.submit(count=5)
    dead = asyncio.create_task(jobs.runner().run())
    await waiting.begun.wait()
    dead.cancel()
    jobs.handlers = {"count": Counting(), "other": Counting()}
    async with jobs.running():
        assert (await jobs.ended(await jobs.submit("other", count=1))).state == "done"
        assert (await jobs.read(job_id)).done == 0
        jobs.clock.advance(31)
        assert (await jobs.ended(job_id)).state == "done"
    assert await jobs.effects(job_id) == list(range(5))


async def test_a_runner_that_was_taken_for_dead_writes_nothing(jobs: Jobs) -> None:
    release = asyncio.Event()

    class Slow(Counting):
        async def work(self, job: Job) -> list[int]:
            await release.wait()
            return await super().work(job)

    job_id = await jobs.submit(count=3)
    jobs.handlers = {"count": Slow()}
    async with jobs.running():
        await eventually(lambda: _is_running(jobs, job_id))
        jobs.clock.advance(31)
        jobs.handlers = {"count": Counting()}
        async with jobs.running():
            await jobs.ended(job_id)
            release.set()
    assert await jobs.effects(job_id) == [0, 1, 2]


async def _is_running(jobs: Jobs, job_id: UUID) -> bool:
    return (await jobs.read(job_id)).state == "running"


async def test_two_runners_share_the_jobs_and_do_none_twice(jobs: Jobs) -> None:
    submitted = [await jobs.submit(count=20) for _ in range(6)]
    async with jobs.running(2):
        for job_id in submitted:
            assert (await jobs.ended(job_id)).state == "done"
    for job_id in submitted:
        assert await jobs.effects(job_id) == list(range(20))


async def test_a_long_job_does_not_keep_the_others_waiting(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TURN_SECONDS", 0.02)
    long = await jobs.submit(count=1_000_000)
    async with jobs.running():
        await eventually(lambda: _is_running(jobs, long))
        jobs.clock.advance(1)
        assert (await jobs.ended(await jobs.submit(count=4))).state == "done"
        assert (await jobs.read(long)).state == "running"


async def test_cancelled_before_its_start_it_never_runs(jobs: Jobs) -> None:
    job_id = await jobs.submit(count=3)
    async with jobs.db.transaction() as connection:
        cancelled = await cancel_job(connection, job_id, jobs.clock.now())
        assert cancelled is not None
        assert cancelled.state == "cancelled"
        assert await cancel_job(connection, job_id, jobs.clock.now()) is None
    async with jobs.running():
        assert (await jobs.ended(await jobs.submit(count=1))).state == "done"
    assert await jobs.effects(job_id) == []


async def test_long_work_is_broken_off_when_its_job_is_cancelled(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "RENEW_SECONDS", 0.02)
    waiting = Waiting()
    jobs.handlers["wait"] = waiting
    job_id = await jobs.submit("wait")
    async with jobs.running():
        await waiting.begun.wait()
        async with jobs.db.transaction() as connection:
            await cancel_job(connection, job_id, jobs.clock.now())
        await eventually(lambda: waiting.cancelled)
        assert (await jobs.ended(await jobs.submit(count=1))).state == "done"
    assert (await jobs.read(job_id)).state == "cancelled"


async def test_long_work_is_broken_off_at_the_stop_and_its_job_left_at_once(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "STOP_SECONDS", 0.02)
    waiting = Waiting()
    jobs.handlers["wait"] = waiting
    job_id = await jobs.submit("wait")
    async with jobs.running():
        await waiting.begun.wait()
    assert waiting.cancelled
    jobs.handlers["wait"] = Failing()
    async with jobs.running():
        assert (await jobs.ended(job_id)).state == "done"


async def test_a_failure_fails_its_job_alone_and_says_why(jobs: Jobs) -> None:
    jobs.handlers |= {"told": Failing(JobFailed("there is no such segment")), "bug": Failing(ValueError("x"))}
    told, bug, fine = await jobs.submit("told"), await jobs.submit("bug"), await jobs.submit(count=2)
    async with jobs.running():
        assert [(await jobs.ended(job_id)).state for job_id in (told, bug, fine)] == [
            "failed",
            "failed",
            "done",
        ]
    assert (await jobs.read(told)).error == "there is no such segment"
    assert (await jobs.read(bug)).error == "failed with ValueError"


async def test_a_passing_fault_is_named_and_tried_again_behind_the_others(jobs: Jobs) -> None:
    jobs.handlers["faulty"] = Failing(TimeoutError(), TimeoutError())
    faulty = await jobs.submit("faulty")
    async with jobs.running():
        jobs.clock.advance(0.001)
        assert (await jobs.ended(await jobs.submit(count=2))).state == "done"
        job = await jobs.read(faulty)
        assert (job.state, job.fault) == ("running", "TimeoutError")

        async def ended() -> bool:
            jobs.clock.advance(1)
            return (await jobs.read(faulty)).state == "done"

        await eventually(ended)
    assert (await jobs.read(faulty)).fault is None


async def test_a_job_that_ends_its_processes_is_given_up(jobs: Jobs) -> None:
    class Deadly(Counting):
        async def work(self, job: Job) -> list[int]:
            raise Killed

    jobs.handlers["deadly"] = Deadly()
    job_id = await jobs.submit("deadly", count=1)
    for _ in range(MOST_CRASHES):
        with pytest.raises(Killed):
            await jobs.runner().run()
        jobs.clock.advance(31)
    async with jobs.running():
        job = await jobs.ended(job_id)
    assert (job.state, job.error) == (
        "failed",
        f"{MOST_CRASHES} processes ended in the middle of its next step",
    )


async def test_one_open_job_of_a_kind_is_enough(jobs: Jobs) -> None:
    async def submit(**params: Any) -> UUID:
        async with jobs.db.transaction() as connection:
            return await submit_once(connection, "count", params, requested_by="o", now=jobs.clock.now())

    same = await asyncio.gather(*(submit(count=2) for _ in range(5)))
    assert len(set(same)) == 1
    assert await submit(count=3) not in same
    async with jobs.running():
        await jobs.ended(same[0])
    assert await submit(count=2) not in same


@pytest.fixture
def staff(jobs: Jobs) -> StaffIdentity:
    return StaffIdentity(jobs.clock)


@pytest.fixture
def app(jobs: Jobs, staff: StaffIdentity) -> FastAPI:
    app = create_app("jobs", ServiceSettings.load(service="scoring-service"))
    app.state.verifier, app.state.jobs = staff.verifier, api.JobsState(jobs.db, jobs.clock)
    add_routes(app, api.router)
    return app


async def test_jobs_are_listed_read_and_cancelled_over_http(
    jobs: Jobs, app: FastAPI, staff: StaffIdentity
) -> None:
    submitted = []
    for count in range(5):
        submitted.append(str(await jobs.submit(count=count)))
        jobs.clock.advance(count % 2)
    async with client_of(app, token=staff.token()) as client:
        seen, cursor = [], ""
        while cursor is not None:
            page = (
                await client.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            assert 1 <= len(page["items"]) <= 2
            seen += [item["job_id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert sorted(seen) == sorted(submitted)
        assert seen[0] == submitted[-1]
        job = (await client.get(f"/v1/jobs/{seen[0]}")).json()
        assert (job["state"], job["done"], job["params"]) == ("queued", 0, {"count": 4})
        assert (await client.post(f"/v1/jobs/{seen[0]}/cancel")).json()["state"] == "cancelled"
        again = await client.post(f"/v1/jobs/{seen[0]}/cancel")
        assert (again.status_code, again.json()["detail"]) == (409, "The job is cancelled already.")
        assert (await client.get(f"/v1/jobs/{UUID(int=1)}")).status_code == 404
        assert (await client.get("/v1/jobs", params={"cursor": "no!"})).json()["errors"][0][
            "field"
        ] == "cursor"


async def test_who_may_read_may_not_cancel(jobs: Jobs, app: FastAPI, staff: StaffIdentity) -> None:
    job_id = await jobs.submit(count=1)
    async with client_of(app, token=staff.token("dpo")) as client:
        assert (await client.get(f"/v1/jobs/{job_id}")).status_code == 200
        assert (await client.post(f"/v1/jobs/{job_id}/cancel")).status_code == 403
    async with client_of(app, token=staff.token("agent")) as client:
        assert (await client.get("/v1/jobs")).status_code == 403
