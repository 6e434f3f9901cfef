"""Surveys for staff: asking by hand, listing, asking no more."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import NEWEST, decode_cursor, encode_cursor
from guanxi_kit.errors import Problem
from guanxi_kit.masking import Shown
from guanxi_kit.survey_links import PATH
from interaction_service.adapters.case_work import CaseWork
from interaction_service.adapters.survey_store import PostgresSurveys
from interaction_service.adapters.survey_work import SurveyWork
from interaction_service.api.answers import json_of, no_customer, people_of, wrong
from interaction_service.api.case_bodies import Line
from interaction_service.api.cases import Cursor, Limit, RepeatKey
from interaction_service.api.commands import Commands
from interaction_service.application.desk_faults import NoSuchCase, NoSuchCustomer
from interaction_service.application.survey_desk import (
    AskCustomer,
    NoSuchForm,
    NoSuchSurvey,
    SurveyDesk,
    SurveyOver,
)
from interaction_service.domain.surveys import HeldBack, Origin, State, Survey

router = APIRouter(prefix="/v1/surveys", tags=["surveys"])
Writer = Annotated[Principal, Depends(require("survey.write"))]


class SurveyAsked(BaseModel):
    """Whom to ask with which form of the pack, and about which case of theirs."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID
    form: Line
    case_id: UUID | None = None


class SurveyStanding(BaseModel):
    """How a survey stands. `improvement_id`: the case that was opened for what was found wanting.

    `held_back`: why nobody was asked, and `held_back_for` the survey that is to do instead.
    """

    survey_id: UUID
    profile_id: UUID
    form: str
    origin: Origin
    state: State
    asked_by: str
    due_at: datetime
    issued_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None
    case_id: UUID | None
    owner: str | None
    team: str | None
    csat: dict[str, int]
    nps: int | None
    improvement_id: UUID | None
    held_back: HeldBack | None
    held_back_for: UUID | None


class IssuedSurvey(SurveyStanding):
    """A survey and, while it may be answered, the path of its page for the customer alone."""

    link: str | None


class SurveyItem(SurveyStanding):
    """A survey in a list; the customer's words are masked."""

    customer_id: UUID | None
    words: str | None


class SurveyPage(BaseModel):
    """Surveys, the newest first."""

    items: list[SurveyItem]
    next_cursor: str | None


@dataclass(frozen=True)
class SurveysState:
    """What the endpoints need, kept as `app.state.surveys`."""

    commands: Commands
    work: SurveyWork
    cases: CaseWork

    async def carry_out(self, command: Callable[[SurveyDesk], Awaitable[Survey]]) -> Survey:
        """Carry a command out and return how the survey stands. Raises Problem."""

        async def work(unit: StreamUnit) -> Survey:
            return await command(self.work.desk(unit.connection, unit.emit, unit.now))

        try:
            return await self.commands.carry_out(work)
        except NoSuchSurvey:
            raise Problem(404, detail="There is no such survey.") from None
        except NoSuchCustomer:
            raise no_customer() from None
        except NoSuchForm:
            raise wrong("form", "is no form of this pack") from None
        except NoSuchCase:
            raise wrong("case_id", "is no case of this customer") from None
        except SurveyOver as over:
            raise Problem(
                409, detail=f"The survey is {over.survey.state}.", type="urn:guanxi:problem:survey-over"
            ) from None


async def surveys_state(request: Request) -> SurveysState:
    """FastAPI dependency: the state of this application."""
    state: SurveysState = request.app.state.surveys
    return state


Surveys = Annotated[SurveysState, Depends(surveys_state)]
_STANDING = tuple(SurveyStanding.model_fields)


@router.post("", response_model=IssuedSurvey, summary="Ask a customer by hand")
async def ask_customer(
    body: SurveyAsked, state: Surveys, principal: Writer, idempotency_key: RepeatKey = None
) -> Response:
    """The survey is issued at once; any id that the customer ever had will do."""
    asked = AskCustomer(body.customer_id, body.form, principal.subject, body.case_id, idempotency_key)
    survey = await state.carry_out(lambda desk: desk.ask(asked))
    link = None
    if survey.state == "issued":
        link = PATH + state.work.links.token(state.work.link(survey))
    return json_of({**_standing(survey), "link": link})


@router.post("/{survey_id}/cancel", response_model=SurveyStanding, summary="Ask no more")
async def cancel_survey(survey_id: UUID, state: Surveys, principal: Writer) -> Response:
    """What is planned is not issued; the link of what was issued opens no more."""
    return json_of(_standing(await state.carry_out(lambda desk: desk.cancel(survey_id))))


@router.get("", response_model=SurveyPage, summary="List surveys")
async def list_surveys(
    *,
    request: Request,
    state: Surveys,
    reading: Annotated[Reading, maskable("case.read", "surveys")],
    customer_id: UUID | None = None,
    case_id: Annotated[
        UUID | None, Query(description="About this case, or answered so that it was opened.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The newest first, planned ones too. Those of a customer are those of all of the customer's fragments."""
    behind = NEWEST if cursor is None else decode_cursor(cursor)
    people = None if customer_id is None else await people_of(request, customer_id)
    async with state.commands.database.connection() as connection:
        surveys = PostgresSurveys(connection, state.work.keyring)
        found = await surveys.page(people, case_id, limit + 1, behind)
    page = found[:limit]
    await reading.of(people or {row["profile_id"] for row in page})
    more = encode_cursor(page[-1]["due_at"], page[-1]["survey_id"]) if len(found) > limit else None
    return json_of({"items": [_item(row, surveys, reading.shown) for row in page], "next_cursor": more})


def _item(row: asyncpg.Record, surveys: PostgresSurveys, show: Shown) -> dict[str, Any]:
    words = surveys.words_of(row)
    return {
        **{name: row[name] for name in _STANDING},
        "customer_id": row["customer_id"],
        "words": None if words is None else show.content({"words": words})["words"],
    }


def _standing(survey: Survey) -> dict[str, Any]:
    return {name: getattr(survey, name) for name in _STANDING}
