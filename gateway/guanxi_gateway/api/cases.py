"""The case desk: cases and complaints, what is done about them, their clocks."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Page
from guanxi_gateway.api.records import IdempotencyKey
from guanxi_gateway.api.schemas.cases import (
    Case,
    CaseAssignment,
    CaseAttachment,
    CaseCategory,
    CaseConfirmation,
    CaseHistory,
    CaseKindChange,
    CaseLink,
    CaseOpening,
    CasePage,
    CaseParticipation,
    CasePriority,
    CaseSolution,
    CaseStanding,
    CaseText,
    Category,
    Kind,
    Priority,
    Source,
    State,
)

_Name = Annotated[str | None, Query(min_length=1, max_length=200)]
_NO_CASE: dict[int | str, dict[str, Any]] = {404: problem("There is no such case.")}
_NOT_NOW: dict[int | str, dict[str, Any]] = {
    **_NO_CASE,
    409: problem("Not possible as the case stands, or it changed since `version`."),
}
_ACTS: tuple[tuple[str, type[BaseModel], str, str], ...] = (
    ("respond", CaseText, "Give the customer the first answer", "Ends the clock of the first response."),
    ("plan", CaseText, "Tell the customer the plan of an urgent case", "Ends the clock of the plan."),
    ("update", CaseText, "Tell the customer how it goes", "Restarts the clock of progress."),
    ("question", CaseText, "Ask the customer", "The clock of the solution pauses, up to the limit."),
    ("answer", CaseText, "Record what the customer said", "A word of thanks reopens nothing."),
    ("note", CaseText, "Write an internal note", "The customer is told nothing; no clock changes."),
    ("assign", CaseAssignment, "Give a case to an owner or a team", "Time used so far stays used."),
    ("priority", CasePriority, "Say how urgent a case is", "`urgent` starts the clock of the plan."),
    (
        "kind",
        CaseKindChange,
        "Say that a case is of another kind",
        "Other promises hold; time used stays used.",
    ),
    ("category", CaseCategory, "Say where the cause lies", "Product, service or communication."),
    ("solve", CaseSolution, "Tell the customer that it is solved", "All clocks end."),
    ("confirm", CaseConfirmation, "Record that the customer confirms", "After it was solved."),
    ("review", CaseText, "Record what was learnt", "After it was confirmed."),
    ("reopen", CaseText, "Open a closed case again", "A new cycle with its own clocks; takes a link away."),
    ("link", CaseLink, "Link a case that repeats another", "Its clocks end; the other one is worked on."),
    ("participants", CaseParticipation, "Say who takes part", "Somebody added, or removed."),
    (
        "attachments",
        CaseAttachment,
        "Attach a file that is kept elsewhere",
        "By its address; nothing is fetched.",
    ),
)


async def wanted_cases(
    *,
    customer_id: UUID | None = None,
    number: Annotated[
        str | None, Query(pattern=r"^[Ss][0-9]{8}-[0-9]{4,8}$", description="What people call it by.")
    ] = None,
    state: State | None = None,
    kind: Kind | None = None,
    priority: Priority | None = None,
    category: Category | None = None,
    cause: _Name = None,
    source: Source | None = None,
    team: _Name = None,
    owner: _Name = None,
    assigned: Annotated[bool | None, Query(description="Whether somebody has it.")] = None,
    is_open: Annotated[
        bool | None, Query(alias="open", description="Those that are open, or that are not.")
    ] = None,
    breached: Annotated[bool | None, Query(description="Whether a clock of its cycle ran out.")] = None,
    due: Annotated[bool, Query(description="Open ones, the promise that is due next first.")] = False,
) -> dict[str, str | None]:
    """FastAPI dependency: which cases a list is to hold."""
    return {
        "customer_id": str(customer_id) if customer_id else None,
        "number": number,
        "state": state,
        "kind": kind,
        "priority": priority,
        "category": category,
        "cause": cause,
        "source": source,
        "team": team,
        "owner": owner,
        "assigned": _told(assigned),
        "open": _told(is_open),
        "breached": _told(breached),
        "due": _told(due or None),
    }


def _told(flag: bool | None) -> str | None:
    return None if flag is None else str(flag).lower()


def cases_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of cases."""
    router = APIRouter(prefix="/v1/cases", tags=["cases"], responses=UPSTREAM_PROBLEMS)
    _add_desk(router, services, allow)
    _add_reads(router, services, allow)
    for name, model, summary, doc in _ACTS:
        _add_act(router, services, allow, (name, model, summary, doc))
    return router


def _add_desk(router: APIRouter, services: Services, allow: Allow) -> None:
    @router.post(
        "",
        summary="Open a case",
        dependencies=[Depends(allow("case.write"))],
        responses={200: {"model": CaseStanding}},
    )
    async def open_case(
        request: Request, asked: CaseOpening, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Its clocks start at once: first response, progress, solution, and a plan when it is urgent."""
        return await forward_write(request, services.interaction, "/v1/cases")

    @router.get(
        "",
        summary="List cases",
        dependencies=[Depends(allow("case.read"))],
        responses={200: {"model": CasePage}},
    )
    async def list_cases(
        request: Request,
        page: Page,
        clear: Clear,
        *,
        wanted: Annotated[dict[str, str | None], Depends(wanted_cases)],
    ) -> Response:
        """The newest first; of a customer those of everything that was merged into it."""
        return await forward(request, services.interaction, "/v1/cases", {**wanted, **page, **clear})


def _add_reads(router: APIRouter, services: Services, allow: Allow) -> None:
    reader = [Depends(allow("case.read"))]

    @router.get(
        "/{case_id}",
        summary="Read a case",
        dependencies=reader,
        responses={200: {"model": Case}, **_NO_CASE},
    )
    async def read_case(request: Request, case_id: UUID, clear: Clear) -> Response:
        """How it stands, its clocks and its alarms."""
        return await forward(request, services.interaction, f"/v1/cases/{case_id}", clear)

    @router.get(
        "/{case_id}/events",
        summary="Read a page of a case's history",
        dependencies=reader,
        responses={200: {"model": CaseHistory}, **_NO_CASE},
    )
    async def read_history(
        request: Request,
        case_id: UUID,
        page: Page,
        clear: Clear,
    ) -> Response:
        """Who did what about it when, internal notes too."""
        return await forward(request, services.interaction, f"/v1/cases/{case_id}/events", {**page, **clear})


def _add_act(
    router: APIRouter, services: Services, allow: Allow, act: tuple[str, type[BaseModel], str, str]
) -> None:
    name, model, summary, doc = act

    async def act_on_case(
        request: Request,
        case_id: UUID,
        asked: model,  # type: ignore[valid-type]
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        return await forward_write(request, services.interaction, f"/v1/cases/{case_id}/{name}")

    router.add_api_route(
        f"/{{case_id}}/{name}",
        act_on_case,
        methods=["POST"],
        name=f"case_{name}",
        summary=summary,
        description=doc,
        dependencies=[Depends(allow("case.write"))],
        responses={200: {"model": CaseStanding}, **_NOT_NOW},
    )
