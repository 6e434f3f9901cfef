"""Probable duplicates: a search among all customers, and why two were suggested as one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Response

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import Principal, require
from guanxi_kit.errors import Problem
from guanxi_kit.jobs import JobState, read_job, submit_once
from profile_service.adapters.duplicates.people import TRAITS_OF
from profile_service.adapters.duplicates.people_reads import PostgresPeople, Reader
from profile_service.adapters.duplicates.search_job import read_progress
from profile_service.adapters.suggestion_store import PostgresSuggestions
from profile_service.api.commands import State
from profile_service.api.merges import encoded
from profile_service.application.duplicates.explain import SuggestionExplained, explain_suggestion
from profile_service.application.duplicates.search import SEARCH, Phase
from profile_service.application.suggestions import NoSuchSuggestion

router = APIRouter(prefix="/v1", tags=["duplicates"])


@dataclass(frozen=True)
class DuplicateRun:
    """A search among all customers: `done` of `total` were read; then comes the rest of the phases.

    `result` counts what was found; `threshold` in it is the least probability that is suggested.
    """

    job_id: UUID
    state: JobState
    phase: Phase
    done: int
    total: int | None
    result: dict[str, Any] | None
    error: str | None
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None


@router.post(
    "/duplicates/runs",
    status_code=202,
    response_model=DuplicateRun,
    summary="Search for duplicates among all customers",
)
async def post_run(
    state: State, principal: Annotated[Principal, Depends(require("merge.write"))]
) -> Response:
    """Learn from all customers what tells them apart, and suggest who is probably there twice; a run at a time."""
    async with state.database.transaction() as connection:
        job_id = await submit_once(
            connection, SEARCH, {}, requested_by=principal.subject, now=state.clock.now()
        )
    answer = msgspec.json.encode(await _read(job_id, state))
    return Response(answer, 202, media_type="application/json")


@router.get(
    "/duplicates/runs/{job_id}",
    response_model=DuplicateRun,
    summary="How far a search for duplicates is",
    dependencies=[Depends(require("merge.read"))],
)
async def get_run(job_id: UUID, state: State) -> Response:
    """The search with its progress and, at its end, its result."""
    return encoded(await _read(job_id, state))


@router.get(
    "/suggestions/{suggestion_id}",
    response_model=SuggestionExplained,
    summary="Why two customers may be one",
)
async def get_suggestion(
    suggestion_id: UUID,
    state: State,
    reading: Annotated[Reading, maskable("merge.read", "suggestion")],
) -> Response:
    """What was compared, what is known of both sides, and how much each field says, in numbers and in words."""
    reader = Reader(state.keyring, state.view.precedence, state.identifier_rules)
    async with state.database.connection() as connection:
        try:
            answer, people = await explain_suggestion(
                suggestion_id,
                PostgresSuggestions(connection),
                PostgresPeople(connection, reader),
                TRAITS_OF,
                state.shown(reading),
            )
        except NoSuchSuggestion:
            raise Problem(404, detail="There is no such suggestion.") from None
    await reading.of(people)
    return encoded(answer)


async def _read(job_id: UUID, state: State) -> DuplicateRun:
    async with state.database.connection() as connection:
        job = await read_job(connection, job_id)
        if job is None or job.kind != SEARCH:
            raise Problem(404, detail="There is no such run.")
        progress = await read_progress(connection, job_id)
    return DuplicateRun(
        job_id=job.job_id,
        state=job.state,
        phase="starting" if progress is None else progress.phase,
        done=job.done,
        total=job.total,
        result=job.result,
        error=job.error,
        requested_by=job.requested_by,
        requested_at=job.requested_at,
        finished_at=job.finished_at,
    )
