"""Background jobs: every step takes effect exactly once, whoever dies, and one job never holds up the others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.integration.kit.jobs_at_work import Counting, Failing, Jobs, Waiting
from tests.integration.kit.mortal import Killed, run_until_killed

from guanxi_kit.jobs import Job, JobFailed, cancel_job, runner, submit_once
from guanxi_kit.jobs.store import MOST_CRASHES
from guanxi_kit.testing import eventually


@pytest.mark.usefixtures("never_given_up")
async def test_each_step_takes_effect_once_through_faults_and_kills(jobs: Jobs) -> None:
    job_id = await jobs.submit(count=50)
    jobs.db.faults = jobs.db.kills = True
    killed = 0
    while (await jobs.read(job_id)).state in ("queued", "running"):
        one = jobs.runner()
        running = asyncio.create_task(run_until_killed(one))
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
        other = await jobs.submit(count=4)

        async def ended() -> bool:
            # Of two whose turn is at one and the same moment either may be next, again and again.
            jobs.clock.advance(0.01)
            return (await jobs.read(other)).state == "done"

        await eventually(ended)
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
