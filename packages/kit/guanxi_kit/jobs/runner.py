"""Carries out jobs beside a worker's consumers, one at a time, leaving room for the traffic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import stream_unit
from guanxi_kit.db import Database, is_transient
from guanxi_kit.jobs.model import Job, JobFailed, JobHandler
from guanxi_kit.jobs.store import LeaseLost, Leases
from guanxi_kit.telemetry import METRICS

LEASE = timedelta(seconds=30)
RENEW_SECONDS = 5.0
TURN_SECONDS = 5.0
LONGEST_REST = 5.0
LONGEST_DELAY = 60.0
STOP_SECONDS = 5.0
_NO_OTHERS: Mapping[str, float] = MappingProxyType({})

log = structlog.get_logger(__name__)


class JobRunner:
    """A part of a worker process. `stream` names the outbox stream that jobs publish to; `relay` must serve it.

    A job has turns of a few seconds, so that a long one does not keep the others waiting. After each step the runner
    rests as long as the step took times `rest` (of some kinds what `rests` says): a job takes at most its share of the
    processor. A transient fault is tried again, later and later; any other fails the job with its kind, and the process
    goes on.
    """

    def __init__(
        self,
        db: Database,
        relay: Relay,
        stream: str,
        handlers: Mapping[str, JobHandler],
        clock: Clock,
        *,
        poll_seconds: float = 0.5,
        rest: float = 0.5,
        rests: Mapping[str, float] = _NO_OTHERS,
    ) -> None:
        self._db = db
        self._relay = relay
        self._stream = stream
        self._handlers = handlers
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._rest = rest
        self._rests = rests
        self._leases = Leases(uuid4(), LEASE)
        self._retries: dict[UUID, int] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Carry out jobs until stopped."""
        while not self._stopping.is_set():
            try:
                if (job := await self._claim()) is not None:
                    await self._take_turn(job)
                    continue
            except Exception as error:
                if not (is_transient(error) or isinstance(error, asyncpg.PostgresError)):
                    raise
                log.warning("jobs.retried", reason=type(error).__name__)
            await self._pause(self._poll_seconds)

    async def stop(self) -> None:
        """Ask `run` to return after the step in hand; work that takes longer than a few seconds is broken off."""
        self._stopping.set()

    async def _claim(self) -> Job | None:
        async with self._db.transaction() as connection:
            return await self._leases.claim(connection, list(self._handlers), self._clock.now())

    async def _take_turn(self, job: Job) -> None:
        log.debug("job.turn", job_id=str(job.job_id), kind=job.kind, done=job.done)
        ends = time.monotonic() + TURN_SECONDS
        try:
            while job.state == "running" and not self._stopping.is_set() and time.monotonic() < ends:
                job = await self._step(job)
        except LeaseLost:
            log.info("job.left", job_id=str(job.job_id), kind=job.kind)
        except _BrokenOff:
            await self._release(job)
        except Exception as error:
            if is_transient(error):
                await self._retry_later(job, error)
            else:
                await self._fail(job, error)
        else:
            if job.state == "running":
                await self._release(job)
        if job.state != "running":
            METRICS.jobs.labels(kind=job.kind, outcome=job.state).inc()
            log.info("job.ended", job_id=str(job.job_id), kind=job.kind, state=job.state, done=job.done)

    async def _step(self, job: Job) -> Job:
        handler = self._handlers[job.kind]
        started = time.monotonic()
        worked = await self._work(handler, job)
        async with stream_unit(self._db, self._relay, self._stream, self._clock) as unit:
            await self._leases.hold(unit.connection, job.job_id)
            step = await handler.commit(unit, job, worked)
            job = await self._leases.advance(unit.connection, job, step, self._clock.now())
        self._retries.pop(job.job_id, None)
        if job.state == "running":
            rest = self._rests.get(job.kind, self._rest)
            await self._pause(min(LONGEST_REST, (time.monotonic() - started) * rest))
        return job

    async def _work(self, handler: JobHandler, job: Job) -> Any:
        """Work and renew the lease meanwhile. Raises LeaseLost, and _BrokenOff when the process has to stop."""
        work = asyncio.ensure_future(handler.work(job))
        lease = asyncio.create_task(self._renew(job), name="job-lease")
        stop = asyncio.create_task(self._stopping.wait(), name="job-stop")
        try:
            await asyncio.wait((work, lease, stop), return_when=asyncio.FIRST_COMPLETED)
            if not (work.done() or lease.done()):
                await asyncio.wait((work, lease), timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if lease.done():
                lease.result()
            raise _BrokenOff
        finally:
            for task in (work, lease, stop):
                task.cancel()
            await asyncio.gather(work, lease, stop, return_exceptions=True)

    async def _renew(self, job: Job) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                async with self._db.transaction() as connection:
                    await self._leases.renew(connection, job.job_id, self._clock.now())
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("job.lease_not_renewed", job_id=str(job.job_id), reason=type(error).__name__)

    async def _release(self, job: Job) -> None:
        """Leave the job to whoever is next; when that fails the lease runs out by itself."""
        with suppress(Exception):
            async with self._db.transaction() as connection:
                await self._leases.release(connection, job.job_id, self._clock.now())

    async def _retry_later(self, job: Job, error: Exception) -> None:
        tried = self._retries[job.job_id] = self._retries.get(job.job_id, 0) + 1
        delay = min(LONGEST_DELAY, 0.5 * 2**tried)
        reason = type(error).__name__
        log.warning("job.retried", job_id=str(job.job_id), kind=job.kind, reason=reason, delay=delay)
        METRICS.jobs.labels(kind=job.kind, outcome="retried").inc()
        with suppress(Exception):
            async with self._db.transaction() as connection:
                now = self._clock.now()
                until = now + timedelta(seconds=delay)
                await self._leases.release(connection, job.job_id, now, until=until, fault=reason)

    async def _fail(self, job: Job, error: Exception) -> None:
        known = isinstance(error, JobFailed)
        reason = str(error) if known else f"failed with {type(error).__name__}"
        log.error("job.failed", job_id=str(job.job_id), kind=job.kind, exc_info=None if known else error)
        METRICS.jobs.labels(kind=job.kind, outcome="failed").inc()
        self._retries.pop(job.job_id, None)
        async with self._db.transaction() as connection:
            await self._leases.fail(connection, job.job_id, reason, self._clock.now())

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


class _BrokenOff(Exception):
    """The work in hand was given up because the process stops; it is done again."""
