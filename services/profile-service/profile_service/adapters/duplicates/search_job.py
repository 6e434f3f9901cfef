"""The job that has all customers compared, by a process of its own: its memory goes with it, and so does its crash."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.jobs import Job, JobFailed, Step
from profile_service.application.duplicates.search import Progress

PROCESS = "profile_service.adapters.duplicates.search_process"
POLL_SECONDS = 0.5
PROGRESS = "SELECT phase, done, total, error, result FROM duplicate_run WHERE job_id = $1"
# Held by the process for as long as it searches, so that there is one at a time.
LOCK = "hashtextextended('profile.duplicates.search', 0)"
IDLE = f"SELECT pg_try_advisory_xact_lock({LOCK})"


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What a search takes of the service's settings."""

    dsn: str
    pack_dir: str
    pack: str
    region: str
    threads: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class SearchOrder:
    """What the process is told through its standard input; `keyring` is the secret JSON form."""

    job_id: UUID
    keyring: str
    settings: SearchSettings


class DuplicateSearch:
    """Starts the process where nobody searches, then follows how far it is."""

    def __init__(self, database: Database, keyring: Keyring, settings: SearchSettings) -> None:
        self._database, self._keyring, self._settings = database, keyring, settings
        self._process: Process | None = None
        self._job_id: UUID | None = None

    async def work(self, job: Job) -> Progress | None:
        """Return how far the search is, None before it has begun."""
        ended = await self._ended(job.job_id)
        async with self._database.transaction() as connection:
            progress = await read_progress(connection, job.job_id)
            if progress is not None and (progress.error or progress.result):
                return progress
            idle = await connection.fetchval(IDLE)
        if ended:
            raise JobFailed(f"the process that compares ended with code {ended}")
        if idle and self._process is None:
            await self._start(job.job_id)
        await asyncio.sleep(POLL_SECONDS)
        return progress

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Keep how far it is. Raises JobFailed when it ended without a result."""
        progress: Progress | None = worked
        if progress is None:
            return Step(cursor={"phase": "starting"}, done=0)
        if progress.error:
            raise JobFailed(progress.error)
        return Step(
            cursor={"phase": progress.phase},
            done=progress.done,
            total=progress.total,
            finished=progress.result is not None,
            result=progress.result,
        )

    async def _ended(self, job_id: UUID) -> int | None:
        """Return with which code the process for this job ended, if it did; 0: begin anew. One for another job goes."""
        process = self._process
        if process is None:
            return None
        if process.returncode is None and self._job_id == job_id:
            return None
        with suppress(ProcessLookupError):
            process.kill()
        code = await process.wait()
        self._process = None
        return code if self._job_id == job_id else None

    async def _start(self, job_id: UUID) -> None:
        if find_spec("splink") is None:
            raise JobFailed("splink is not installed: the service needs its extra 'dedupe'")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", PROCESS, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
        )
        self._job_id = job_id
        assert self._process.stdin is not None
        # It stays open: when this process is gone, however it went, the other one reads the end and goes, too.
        order = SearchOrder(job_id, self._keyring.to_json(), self._settings)
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        with suppress(ConnectionError):
            await self._process.stdin.drain()


async def read_progress(connection: asyncpg.Connection[Any], job_id: UUID) -> Progress | None:
    """Return how far a search is; None before its process has begun."""
    row = await connection.fetchrow(PROGRESS, job_id)
    return None if row is None else Progress(**row)
