"""Carries out jobs beside a worker's consumers, one at a time, leaving room for the traffic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import stream_unit
from guanxi_kit.db import Database, is_transient
from guanxi_kit.jobs.model import Job, JobFailed, JobHandler
from guanxi_kit.jobs.store import LeaseLost, Leases

LEASE = timedelta(seconds=30)
RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class JobRunner:
    """A part of a worker process. `stream` names the outbox stream that jobs publish to; `relay` must serve it.

    After each step it rests as long as the step took times `rest`, so that a job takes at most its share of the
    processor. A transient fault is tried again; any other fails the job with its kind, and the process goes on.
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
    ) -> None:
        self._db = db
        self._relay = relay
        self._stream = stream
        self._handlers = handlers
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._rest = rest
        self._leases = Leases(uuid4(), LEASE)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Carry out jobs until stopped."""
        while not self._stopping.is_set():
            try:
                job = await self._claim()
                if job is not None:
                    await self._carry_out(job)
                    continue
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("job.retried", reason=type(error).__name__)
            await self._pause(self._poll_seconds)

    async def stop(self) -> None:
        """Ask `run` to return after the step in hand."""
        self._stopping.set()

    async def _claim(self) -> Job | None:
        async with self._db.transaction() as connection:
            return await self._leases.claim(connection, list(self._handlers), self._clock.now())

    async def _carry_out(self, job: Job) -> None:
        log.info("job.started", job_id=str(job.job_id), kind=job.kind, done=job.done)
        try:
            while job.state == "running" and not self._stopping.is_set():
                job = await self._step(job)
        except LeaseLost:
            log.info("job.left", job_id=str(job.job_id), kind=job.kind)
        except Exception as error:
            if is_transient(error):
                await self._release(job)
                raise
            reason = str(error) if isinstance(error, JobFailed) else f"failed with {type(error).__name__}"
            log.error("job.failed", job_id=str(job.job_id), kind=job.kind, reason=reason)
            async with self._db.transaction() as connection:
                await self._leases.fail(connection, job.job_id, reason, self._clock.now())
        else:
            if job.state == "running":
                await self._release(job)

    async def _step(self, job: Job) -> Job:
        handler = self._handlers[job.kind]
        started = time.monotonic()
        async with self._kept(job):
            worked = await handler.work(job)
        async with stream_unit(self._db, self._relay, self._stream, self._clock) as unit:
            await self._leases.hold(unit.connection, job.job_id)
            step = await handler.commit(unit, job, worked)
            job = await self._leases.advance(unit.connection, job, step, self._clock.now())
        if job.state == "running":
            await self._pause((time.monotonic() - started) * self._rest)
        return job

    async def _release(self, job: Job) -> None:
        with suppress(Exception):
            async with self._db.transaction() as connection:
                await self._leases.release(connection, job.job_id)

    @asynccontextmanager
    async def _kept(self, job: Job) -> AsyncIterator[None]:
        """Renew the lease for as long as the work takes."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                with suppress(Exception):
                    async with self._db.transaction() as connection:
                        await self._leases.renew(connection, job.job_id, self._clock.now())

        renewing = asyncio.create_task(renew(), name="job-lease")
        try:
            yield
        finally:
            renewing.cancel()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
