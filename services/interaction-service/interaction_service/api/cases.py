"""The case desk: opening, listing and reading cases."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import Problem
from interaction_service.adapters.case_reads import CaseFilter, PostgresCaseReads, place_of
from interaction_service.adapters.case_work import CaseWork
from interaction_service.api import case_documents as documents
from interaction_service.api.answers import json_of, no_customer, people_of, wrong
from interaction_service.api.case_bodies import CaseOpened
from interaction_service.api.commands import Commands
from interaction_service.application.case_commands import OpenCase
from interaction_service.application.case_desk import CaseDesk
from interaction_service.application.case_ports import NoSuchCause
from interaction_service.application.desk_faults import (
    NoSuchCase,
    NoSuchCustomer,
    NoSuchTeam,
    VersionConflict,
)
from interaction_service.domain.cases import (
    Case,
    Category,
    Kind,
    NotNow,
    Priority,
    Source,
    State,
)

router = APIRouter(prefix="/v1/cases", tags=["cases"])
CaseReading = Annotated[Reading, maskable("case.read", "cases")]
Writer = Annotated[Principal, Depends(require("case.write"))]
RepeatKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=100)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=100)]
Name = Annotated[str | None, Query(min_length=1, max_length=200)]


@dataclass(frozen=True)
class CasesState:
    """What the endpoints need, kept as `app.state.cases`."""

    commands: Commands
    work: CaseWork

    async def carry_out(self, command: Callable[[CaseDesk], Awaitable[Case]]) -> Response:
        """Carry a command out and answer with how the case stands. Raises Problem."""

        async def work(unit: StreamUnit) -> Case:
            return await command(self.work.desk(unit))

        try:
            case = await self.commands.carry_out(work)
        except NoSuchCase:
            raise no_case() from None
        except NoSuchCustomer:
            raise no_customer() from None
        except NoSuchTeam:
            raise wrong("team", "is no team of this pack") from None
        except NoSuchCause:
            raise wrong("cause", "is no cause of this pack") from None
        except VersionConflict as error:
            raise Problem(
                409,
                detail="The case changed since it was read.",
                type="urn:guanxi:problem:case-changed",
                extra={"version": error.version},
            ) from None
        except NotNow as error:
            raise Problem(409, detail=f"The case {error}.", type="urn:guanxi:problem:case-state") from None
        return json_of(documents.standing(case))


async def cases_state(request: Request) -> CasesState:
    """FastAPI dependency: the state of this application."""
    state: CasesState = request.app.state.cases
    return state


Cases = Annotated[CasesState, Depends(cases_state)]


async def case_filter(
    *,
    number: Annotated[str | None, Query(pattern=r"^[Ss][0-9]{8}-[0-9]{4,8}$")] = None,
    case_state: Annotated[State | None, Query(alias="state")] = None,
    kind: Kind | None = None,
    priority: Priority | None = None,
    category: Category | None = None,
    cause: Name = None,
    source: Source | None = None,
    team: Name = None,
    owner: Name = None,
    assigned: Annotated[bool | None, Query(description="Whether somebody has it.")] = None,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    breached: Annotated[bool | None, Query(description="Whether a clock of this cycle ran out.")] = None,
    due: Annotated[bool, Query(description="Open ones only, the promise due next first.")] = False,
) -> CaseFilter:
    """FastAPI dependency: which cases are asked for, whoever they are of."""
    return CaseFilter(
        number=number and number.upper(),
        state=case_state,
        kind=kind,
        priority=priority,
        category=category,
        cause=cause,
        source=source,
        team=team,
        owner=owner,
        has_owner=assigned,
        is_open=is_open,
        is_breached=breached,
        due=due,
    )


@router.post("", response_model=documents.StandingDocument, summary="Open a case")
async def open_case(
    body: CaseOpened, state: Cases, principal: Writer, idempotency_key: RepeatKey = None
) -> Response:
    """Its clocks start when the customer told it. Any id that the customer ever had will do."""
    if fault := body.wrong_time(state.commands.clock.now()):
        raise wrong("received_at", fault)
    asked = OpenCase(
        customer_id=body.customer_id,
        kind=body.kind,
        said={"subject": body.subject, "description": body.description},
        actor=principal.subject,
        team=body.team or state.work.rules.default_team,
        priority=body.priority,
        category=body.category,
        cause=body.cause,
        owner=body.owner,
        received_at=body.received_at,
        key=idempotency_key,
    )
    return await state.carry_out(lambda desk: desk.open(asked))


@router.get("", response_model=documents.CasePage, summary="List cases")
async def list_cases(
    *,
    request: Request,
    state: Cases,
    reading: CaseReading,
    only: Annotated[CaseFilter, Depends(case_filter)],
    customer_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The newest first. Those of a customer are those of all of the customer's fragments."""
    behind = None if cursor is None else decode_cursor(cursor)
    people = None if customer_id is None else await people_of(request, customer_id)
    only = replace(only, profile_ids=people)
    async with state.commands.database.connection() as connection:
        reads = PostgresCaseReads(connection, state.work.keyring)
        found = await reads.page(only, limit + 1, behind)
    page = found[:limit]
    await reading.of(people or {row["profile_id"] for row in page})
    more = None
    if len(found) > limit:
        more = encode_cursor(*place_of(page[-1], due=only.due))
    items = [documents.item(row, reads, reading.shown) for row in page]
    return json_of({"items": items, "next_cursor": more})


@router.get("/{case_id}", response_model=documents.CaseDocument, summary="Read a case")
async def read_case(case_id: UUID, state: Cases, reading: CaseReading) -> Response:
    """How it stands, its clocks and alarms. A case that has been waiting may be newer than its clocks' last turn."""
    async with state.commands.database.connection() as connection:
        reads = PostgresCaseReads(connection, state.work.keyring)
        row = await reads.one(case_id)
        if row is None:
            raise no_case()
        clocks, alarms = await reads.clocks(case_id), await reads.alarms(case_id)
    await reading.of([row["profile_id"]])
    document = {
        **documents.item(row, reads, reading.shown),
        "duplicates": row["linked"],
        "clocks": [dict(clock) for clock in clocks],
        "alarms": [dict(alarm) for alarm in alarms],
    }
    return json_of(document)


@router.get("/{case_id}/events", response_model=documents.CaseHistory, summary="Read a case's history")
async def read_history(
    case_id: UUID, state: Cases, reading: CaseReading, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Who did what about it when, in its order; internal notes, too."""
    if cursor is not None and not (cursor.isdecimal() and len(cursor) < 10):
        raise wrong("cursor", "is not one this list gave out")
    async with state.commands.database.connection() as connection:
        reads = PostgresCaseReads(connection, state.work.keyring)
        row = await reads.one(case_id)
        if row is None:
            raise no_case()
        found = await reads.events(case_id, int(cursor or 0), limit + 1)
    await reading.of([row["profile_id"]])
    document = {
        "items": [documents.event(each, reads, reading.shown) for each in found[:limit]],
        "next_cursor": str(found[limit - 1]["seq"]) if len(found) > limit else None,
    }
    return json_of(document)


def no_case() -> Problem:
    """The problem of an id that is no case's."""
    return Problem(404, detail="There is no such case.")
