"""Tasks: giving, listing and reading them, and what becomes of them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import Problem
from interaction_service.adapters.task_reads import PostgresTaskReads, TaskFilter
from interaction_service.api import task_documents as documents
from interaction_service.api.answers import json_of, people_of, wrong
from interaction_service.api.cases import Cursor, Limit, Name, RepeatKey
from interaction_service.api.moment import in_utc
from interaction_service.api.task_bodies import (
    TaskAct,
    TaskNoted,
    TaskOpened,
    TaskReassigned,
    TaskRescheduled,
    wrong_due,
)
from interaction_service.api.task_state import Tasks
from interaction_service.application import task_desk
from interaction_service.domain.tasks import State, Task, Verb

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])
TaskReading = Annotated[Reading, maskable("task.read", "tasks")]
Writer = Annotated[Principal, Depends(require("task.write"))]


@router.post("", response_model=documents.TaskStanding, summary="Give a task")
async def open_task(
    body: TaskOpened, state: Tasks, principal: Writer, idempotency_key: RepeatKey = None
) -> Response:
    """About a customer, or about a case and so its customer. Any id that the customer ever had will do."""
    if fault := body.wrong_time(state.commands.clock.now()):
        raise wrong("due_at", fault)
    asked = body.command(principal.subject, idempotency_key)

    async def work(unit: StreamUnit) -> Task:
        return await state.work.desk(unit).open(asked)

    return json_of(documents.standing(await state.carry_out(work)))


@router.get("", response_model=documents.TaskPage, summary="List tasks")
async def list_tasks(
    *,
    request: Request,
    state: Tasks,
    reading: TaskReading,
    customer_id: UUID | None = None,
    case_id: UUID | None = None,
    owner: Name = None,
    team: Name = None,
    task_state: Annotated[State | None, Query(alias="state")] = None,
    due_from: AwareDatetime | None = None,
    due_before: AwareDatetime | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Those due first before the others. Those of a customer are those of all of the customer's fragments."""
    behind = None if cursor is None else decode_cursor(cursor)
    people = None if customer_id is None else await people_of(request, customer_id)
    only = TaskFilter(
        people,
        case_id,
        owner,
        team,
        task_state,
        in_utc("due_from", due_from),
        in_utc("due_before", due_before),
    )
    async with state.commands.database.connection() as connection:
        reads = PostgresTaskReads(connection, state.work.keyring)
        found = await reads.page(only, limit + 1, behind)
    page = found[:limit]
    await reading.of(people or {row["profile_id"] for row in page})
    last = page[-1] if len(found) > limit else None
    items = [documents.item(row, reads, reading.shown) for row in page]
    return json_of({"items": items, "next_cursor": last and encode_cursor(last["due_at"], last["task_id"])})


@router.get("/{task_id}", response_model=documents.TaskDocument, summary="Read a task")
async def read_task(task_id: UUID, state: Tasks, reading: TaskReading) -> Response:
    """How it stands, and the newest 200 entries of its history."""
    async with state.commands.database.connection() as connection:
        reads = PostgresTaskReads(connection, state.work.keyring)
        row = await reads.one(task_id)
        if row is None:
            raise Problem(404, detail="There is no such task.")
        events = await reads.events(task_id)
    await reading.of([row["profile_id"]])
    history = [documents.event(each, reads, reading.shown) for each in events]
    return json_of({**documents.item(row, reads, reading.shown), "history": history})


_ACTS: tuple[tuple[str, Verb, type[TaskAct], str], ...] = (
    ("complete", "completed", TaskAct, "Report that a task is done, and what came of it"),
    ("cancel", "cancelled", TaskAct, "Cancel a task, and the series that it is of"),
    ("reopen", "reopened", TaskAct, "Open a task again"),
    ("note", "noted", TaskNoted, "Write a note"),
    ("reassign", "reassigned", TaskReassigned, "Give a task to another owner or team"),
    ("reschedule", "rescheduled", TaskRescheduled, "Let a task be due at another time"),
)


def _add_act(name: str, verb: Verb, model: type[TaskAct], summary: str) -> None:
    async def act(
        task_id: UUID,
        body: model,  # type: ignore[valid-type]
        state: Tasks,
        principal: Writer,
        idempotency_key: RepeatKey = None,
    ) -> Response:
        given: TaskAct = body
        if isinstance(given, TaskRescheduled) and (
            fault := wrong_due(given.due_at, given.remind_at, state.commands.clock.now())
        ):
            raise wrong("due_at", fault)
        asked = task_desk.TaskAct(
            task_id, verb, principal.subject, given.changes(), given.said(), given.version, idempotency_key
        )

        async def work(unit: StreamUnit) -> Task:
            return await state.work.desk(unit).act(asked)

        return json_of(documents.standing(await state.carry_out(work)))

    router.add_api_route(
        f"/{{task_id}}/{name}",
        act,
        methods=["POST"],
        name=f"task_{name}",
        response_model=documents.TaskStanding,
        summary=summary,
    )


for _act in _ACTS:
    _add_act(*_act)
