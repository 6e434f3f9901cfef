"""Tasks: giving them, what becomes of them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel

from guanxi_contracts.task import TaskState
from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Page
from guanxi_gateway.api.records import IdempotencyKey
from guanxi_gateway.api.schemas.tasks import (
    HandedOver,
    HandOver,
    MyDay,
    Task,
    TaskNote,
    TaskOpening,
    TaskPage,
    TaskReassignment,
    TaskRescheduling,
    TaskStanding,
    TaskText,
)

Section = Literal["overdue", "today", "reminders", "cases"]
_Name = Annotated[str | None, Query(min_length=1, max_length=200)]
_NO_TASK: dict[int | str, dict[str, Any]] = {404: problem("There is no such task.")}
_NOT_NOW: dict[int | str, dict[str, Any]] = {
    **_NO_TASK,
    409: problem("Not possible as the task stands, or it changed since `version`."),
}
_ACTS: tuple[tuple[str, type[BaseModel], str, str], ...] = (
    ("complete", TaskText, "Report that a task is done", "Of a series the next one is made now."),
    ("cancel", TaskText, "Cancel a task", "A series ends with it."),
    ("reopen", TaskText, "Open a task again", "One that was done or cancelled."),
    ("note", TaskNote, "Write a note", "The task's history keeps it."),
    ("reassign", TaskReassignment, "Give a task to another owner or team", "Reminders are the new owner's."),
    (
        "reschedule",
        TaskRescheduling,
        "Let a task be due at another time",
        "It may remind and be overdue anew.",
    ),
)


def tasks_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of tasks."""
    router = APIRouter(prefix="/v1/tasks", tags=["tasks"], responses=UPSTREAM_PROBLEMS)
    _add_desk(router, services, allow)
    for act in _ACTS:
        _add_act(router, services, allow, act)
    return router


def _add_desk(router: APIRouter, services: Services, allow: Allow) -> None:
    reader = [Depends(allow("task.read"))]

    @router.post(
        "",
        summary="Give a task",
        dependencies=[Depends(allow("task.write"))],
        responses={200: {"model": TaskStanding}, 409: problem("Times or recurrence do not fit together.")},
    )
    async def open_task(
        request: Request, asked: TaskOpening, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """It reminds and becomes overdue once for one due time."""
        return await forward_write(request, services.interaction, "/v1/tasks")

    @router.get("", summary="List tasks", dependencies=reader, responses={200: {"model": TaskPage}})
    async def list_tasks(
        request: Request,
        page: Page,
        clear: Clear,
        *,
        customer_id: UUID | None = None,
        case_id: UUID | None = None,
        owner: _Name = None,
        team: _Name = None,
        state: TaskState | None = None,
        due_from: Annotated[AwareDatetime | None, Query(description="Due then or later.")] = None,
        due_before: Annotated[AwareDatetime | None, Query(description="Due before.")] = None,
    ) -> Response:
        """Those due first before the others; of a customer those of everything that was merged into it."""
        query = {
            "customer_id": str(customer_id) if customer_id else None,
            "case_id": str(case_id) if case_id else None,
            "owner": owner,
            "team": team,
            "state": state,
            "due_from": due_from.isoformat() if due_from else None,
            "due_before": due_before.isoformat() if due_before else None,
            **page,
            **clear,
        }
        return await forward(request, services.interaction, "/v1/tasks", query)

    @router.get(
        "/{task_id}",
        summary="Read a task",
        dependencies=reader,
        responses={200: {"model": Task}, **_NO_TASK},
    )
    async def read_task(request: Request, task_id: UUID, clear: Clear) -> Response:
        """How it stands, and what became of it."""
        return await forward(request, services.interaction, f"/v1/tasks/{task_id}", clear)


def my_day_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of all that somebody has to do: the list of today, and giving it to somebody else."""
    router = APIRouter(prefix="/v1", tags=["tasks"], responses=UPSTREAM_PROBLEMS)

    @router.get(
        "/my-day",
        summary="What the caller has to do today",
        dependencies=[Depends(allow("task.read"))],
        responses={200: {"model": MyDay}},
    )
    async def read_my_day(
        request: Request,
        page: Page,
        clear: Clear,
        *,
        owner: Annotated[
            _Name, Query(description="Somebody else's day; needs the permission team.read.")
        ] = None,
        team: Annotated[_Name, Query(description="By whose zone the day is told; the pack's first.")] = None,
        section: Section | None = None,
    ) -> Response:
        """Four lists, a page of each; `section` with the `next_cursor` of a list asks for the page behind."""
        query = {
            "owner": owner,
            "team": team,
            "section": section,
            **page,
            **clear,
        }
        return await forward(request, services.interaction, "/v1/my-day", query)

    @router.post(
        "/hand-over",
        summary="Give all that somebody has to somebody else",
        dependencies=[Depends(allow("team.write"))],
        responses={200: {"model": HandedOver}},
    )
    async def hand_over(request: Request, asked: HandOver) -> Response:
        """Open cases and tasks of somebody who leaves. Ask again while there are more."""
        return await forward_write(request, services.interaction, "/v1/hand-over")

    return router


def _add_act(
    router: APIRouter, services: Services, allow: Allow, act: tuple[str, type[BaseModel], str, str]
) -> None:
    name, model, summary, doc = act

    async def act_on_task(
        request: Request,
        task_id: UUID,
        asked: model,  # type: ignore[valid-type]
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        return await forward_write(request, services.interaction, f"/v1/tasks/{task_id}/{name}")

    router.add_api_route(
        f"/{{task_id}}/{name}",
        act_on_task,
        methods=["POST"],
        name=f"task_{name}",
        summary=summary,
        description=doc,
        dependencies=[Depends(allow("task.write"))],
        responses={200: {"model": TaskStanding}, **_NOT_NOW},
    )
