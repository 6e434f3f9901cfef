"""GET /v1/jobs, GET /v1/jobs/{job_id}, POST /v1/jobs/{job_id}/cancel: the same in every service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from guanxi_kit.auth import require
from guanxi_kit.clock import Clock
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.db import Database
from guanxi_kit.errors import Problem
from guanxi_kit.jobs.model import Job, JobState
from guanxi_kit.jobs.store import cancel_job, list_jobs, read_job


class JobDocument(BaseModel):
    """A job. `done` of `total` items, total null while nobody knows it; `fault` says why a step is tried again."""

    model_config = ConfigDict(from_attributes=True)

    job_id: UUID
    kind: str
    state: JobState
    params: dict[str, Any]
    done: int = Field(ge=0)
    total: int | None
    result: Any
    error: str | None
    fault: str | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobsDocument(BaseModel):
    """A page of jobs, the newest first."""

    items: list[JobDocument]
    next_cursor: str | None


@dataclass(frozen=True)
class JobsState:
    """What the endpoints work with; the application keeps it as `app.state.jobs`."""

    database: Database
    clock: Clock


async def _jobs_state(request: Request) -> JobsState:
    state: JobsState = request.app.state.jobs
    return state


router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
State = Annotated[JobsState, Depends(_jobs_state)]


@router.get("", dependencies=[Depends(require("job.read"))], summary="List background jobs")
async def get_jobs(
    state: State,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> JobsDocument:
    """Return a page of jobs, the newest first."""
    before = None if cursor is None else decode_cursor(cursor)
    async with state.database.connection() as connection:
        jobs = await list_jobs(connection, limit=limit + 1, before=before)
    page = jobs[:limit]
    more = len(jobs) > limit
    return JobsDocument(
        items=[JobDocument.model_validate(job) for job in page],
        next_cursor=encode_cursor(page[-1].requested_at, page[-1].job_id) if more else None,
    )


@router.get("/{job_id}", dependencies=[Depends(require("job.read"))], summary="Read a background job")
async def get_job(job_id: UUID, state: State) -> JobDocument:
    """Return a job with its progress."""
    async with state.database.connection() as connection:
        return JobDocument.model_validate(_known(await read_job(connection, job_id)))


@router.post(
    "/{job_id}/cancel", dependencies=[Depends(require("job.write"))], summary="Cancel a background job"
)
async def post_cancel(job_id: UUID, state: State) -> JobDocument:
    """Stop a job before its next step; what it has done stays done."""
    async with state.database.transaction() as connection:
        cancelled = await cancel_job(connection, job_id, state.clock.now())
        if cancelled is None:
            ended = _known(await read_job(connection, job_id))
            raise Problem(409, detail=f"The job is {ended.state} already.")
    return JobDocument.model_validate(cancelled)


def _known(job: Job | None) -> Job:
    if job is None:
        raise Problem(404, detail="There is no job with this id.")
    return job
