"""Jobs in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from guanxi_kit.jobs.model import Job, Step

Connection: TypeAlias = "asyncpg.Connection[Any]"

MOST_CRASHES = 5

SUBMIT = """
INSERT INTO job (job_id, kind, params, state, requested_by, requested_at, turn_at)
VALUES ($1, $2, $3, 'queued', $4, $5, $5)
"""
# Two requests at a time must not both find none; the lock ends with the transaction.
ONE_OF_KIND = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.job.' || $1, 0))"
OPEN = """
SELECT * FROM job WHERE state IN ('queued', 'running') AND kind = $1 AND params = $2 ORDER BY requested_at LIMIT 1
"""
CLAIM = """
UPDATE job SET state = 'running', started_at = coalesce(started_at, $3), leased_by = $2, leased_until = $4,
  crashes = crashes + 1
WHERE job_id = (
  SELECT job_id FROM job
  WHERE state IN ('queued', 'running') AND kind = ANY($1::text[]) AND (leased_until IS NULL OR leased_until < $3)
  ORDER BY turn_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
RENEW = "UPDATE job SET leased_until = $3 WHERE job_id = $1 AND leased_by = $2 AND state = 'running'"
HOLD = "SELECT 1 FROM job WHERE job_id = $1 AND leased_by = $2 AND state = 'running' FOR UPDATE"
ADVANCE = """
UPDATE job SET cursor = $2, done = $3, total = coalesce($4, total), state = $5, result = coalesce($6, result),
  leased_until = $7, finished_at = $8, fault = NULL, crashes = 0
WHERE job_id = $1 RETURNING *
"""
FAIL = """
UPDATE job SET state = 'failed', error = $3, finished_at = $4, leased_until = NULL
WHERE job_id = $1 AND leased_by = $2 AND state = 'running'
"""
RELEASE = """
UPDATE job SET turn_at = $3, leased_until = $4, fault = $5, crashes = 0
WHERE job_id = $1 AND leased_by = $2 AND state = 'running'
"""
CANCEL = """
UPDATE job SET state = 'cancelled', finished_at = $2, leased_until = NULL
WHERE job_id = $1 AND state IN ('queued', 'running') RETURNING *
"""
NEWEST = """
SELECT * FROM job WHERE kind = $1 AND state = ANY($2::text[]) ORDER BY requested_at DESC, job_id DESC LIMIT 1
"""
LIST = """
SELECT * FROM job WHERE $1::timestamptz IS NULL OR (requested_at, job_id) < ($1, $2::uuid)
ORDER BY requested_at DESC, job_id DESC LIMIT $3
"""


class LeaseLost(Exception):
    """The job was cancelled, or another runner has it."""


async def submit_job(
    connection: Connection, kind: str, params: Mapping[str, Any], *, requested_by: str, now: datetime
) -> UUID:
    """Queue a job in the open transaction and return its id. `params` hold no personal data."""
    job_id = uuid4()
    await connection.execute(SUBMIT, job_id, kind, dict(params), requested_by, now)
    return job_id


async def submit_once(
    connection: Connection, kind: str, params: Mapping[str, Any], *, requested_by: str, now: datetime
) -> UUID:
    """Return the id of the open job of this kind and these params, queueing one if there is none."""
    await connection.execute(ONE_OF_KIND, kind)
    found = await connection.fetchrow(OPEN, kind, dict(params))
    if found is not None:
        return _job(found).job_id
    return await submit_job(connection, kind, params, requested_by=requested_by, now=now)


async def read_job(connection: Connection, job_id: UUID) -> Job | None:
    """Return a job."""
    row = await connection.fetchrow("SELECT * FROM job WHERE job_id = $1", job_id)
    return None if row is None else _job(row)


async def newest_job(connection: Connection, kind: str, states: Sequence[str]) -> Job | None:
    """Return the newest job of a kind in one of some states."""
    row = await connection.fetchrow(NEWEST, kind, list(states))
    return None if row is None else _job(row)


async def list_jobs(
    connection: Connection, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> Sequence[Job]:
    """Return jobs, the newest first; `before` is (requested_at, job_id) of the last one of the page before."""
    at, job_id = before or (None, None)
    return [_job(row) for row in await connection.fetch(LIST, at, job_id, limit)]


async def cancel_job(connection: Connection, job_id: UUID, now: datetime) -> Job | None:
    """Stop a job before its next step and return it; None when there is no such job or it has ended."""
    row = await connection.fetchrow(CANCEL, job_id, now)
    return None if row is None else _job(row)


def _job(row: asyncpg.Record) -> Job:
    return Job(**{field.name: row[field.name] for field in fields(Job)})


class Leases:
    """The jobs that one runner holds; a job whose lease has run out may be taken by another."""

    def __init__(self, runner_id: UUID, lease: timedelta) -> None:
        self._runner_id = runner_id
        self._lease = lease

    async def claim(self, connection: Connection, kinds: Sequence[str], now: datetime) -> Job | None:
        """Take the job of these kinds that nobody holds and that waits longest; None when there is none to carry out.

        One that has ended process after process is failed instead: it would take the consumers down with it.
        """
        row = await connection.fetchrow(CLAIM, list(kinds), self._runner_id, now, now + self._lease)
        if row is None:
            return None
        if row["crashes"] > MOST_CRASHES:
            reason = f"{MOST_CRASHES} processes ended in the middle of its next step"
            await self.fail(connection, row["job_id"], reason, now)
            return None
        return _job(row)

    async def renew(self, connection: Connection, job_id: UUID, now: datetime) -> None:
        """Keep a job. Raises LeaseLost."""
        if await connection.execute(RENEW, job_id, self._runner_id, now + self._lease) != "UPDATE 1":
            raise LeaseLost

    async def hold(self, connection: Connection, job_id: UUID) -> None:
        """Lock a job for the open transaction. Raises LeaseLost."""
        if await connection.fetchrow(HOLD, job_id, self._runner_id) is None:
            raise LeaseLost

    async def advance(self, connection: Connection, job: Job, step: Step, now: datetime) -> Job:
        """Keep what a step achieved; the caller holds the job."""
        state, finished_at, until = (
            ("done", now, None) if step.finished else ("running", None, now + self._lease)
        )
        row = await connection.fetchrow(
            ADVANCE, job.job_id, step.cursor, step.done, step.total, state, step.result, until, finished_at
        )
        return _job(row)

    async def fail(self, connection: Connection, job_id: UUID, reason: str, now: datetime) -> None:
        """Give a job up."""
        await connection.execute(FAIL, job_id, self._runner_id, reason, now)

    async def release(
        self,
        connection: Connection,
        job_id: UUID,
        now: datetime,
        *,
        until: datetime | None = None,
        fault: str | None = None,
    ) -> None:
        """Leave a job to the next runner, not before `until`; `fault` says why it is tried again."""
        await connection.execute(RELEASE, job_id, self._runner_id, now, until, fault)
