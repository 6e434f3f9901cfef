"""The page of a survey: whoever has the link may look at it often, and answer once."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.errors import Problem
from guanxi_kit.packs import Form
from guanxi_kit.survey_links import NoLink, SurveyLink
from interaction_service.adapters.survey_store import PostgresSurveys, survey_of
from interaction_service.adapters.survey_work import CaseImprovements
from interaction_service.api.survey_page import POLICY, Language, Notice, form_page, notice_page
from interaction_service.api.surveys import Surveys, SurveysState
from interaction_service.application.survey_answers import AnswerFaulty, read_answer
from interaction_service.application.survey_desk import NoSuchSurvey, SurveyOver
from interaction_service.application.survey_ports import Improvement
from interaction_service.domain.surveys import Answer

router = APIRouter(tags=["surveys"])
MOST_BYTES = 100_000
MOST_FIELDS = 50
FORM_TYPE = "application/x-www-form-urlencoded"
Token = Annotated[str, Path(min_length=1, max_length=100)]
_STATUS: dict[Notice, int] = {"answered": 200, "over": 410, "unknown": 404}
AskedLanguage = Annotated[Language | None, Query(description="Otherwise the browser's.")]


@router.get("/s/{token}", response_class=HTMLResponse, summary="Show a survey to the customer")
async def show_survey(
    token: Token, request: Request, state: Surveys, lang: AskedLanguage = None
) -> HTMLResponse:
    """Looking uses nothing up: mail scanners look, too."""
    language = language_of(request, lang)
    try:
        _, form = await _opened(state, token)
    except (NoLink, NoSuchSurvey):
        return _notice("unknown", language)
    except SurveyOver as error:
        return _notice("answered" if error.survey.state == "answered" else "over", language)
    return _page(form_page(form, language, {}, {}))


@router.post("/s/{token}", response_class=HTMLResponse, summary="Answer a survey")
async def answer_survey(
    token: Token, request: Request, state: Surveys, lang: AskedLanguage = None
) -> HTMLResponse:
    """Once. A second answer is told so, and changes nothing."""
    language = language_of(request, lang)
    given = _fields(await request.body(), request.headers.get("content-type", ""))
    try:
        link, form = await _opened(state, token)
        return await _answered(state, link, form, given, language)
    except (NoLink, NoSuchSurvey):
        return _notice("unknown", language)
    except SurveyOver as error:
        if error.survey.state == "answered":
            return _notice("answered", language, status=409)
        return _notice("over", language)


async def _answered(
    state: SurveysState, link: SurveyLink, form: Form, given: dict[str, str], language: Language
) -> HTMLResponse:
    try:
        answer = read_answer(form, given)
    except AnswerFaulty as error:
        return _page(form_page(form, language, given, error.faults), 400)
    improvement = await _take(state, link, answer)
    if improvement is None:
        return _page(notice_page("thanks", language))
    return _page(notice_page("improving", language, improvement.number))


async def _take(state: SurveysState, link: SurveyLink, answer: Answer) -> Improvement | None:
    async def work(unit: StreamUnit) -> Improvement | None:
        desk = state.work.desk(unit.connection, unit.emit, unit.now)
        improvements = CaseImprovements(state.cases.desk(unit), state.work.settings, state.cases.rules)
        _, improvement = await desk.answer(link.survey_id, link.nonce, answer, improvements)
        return improvement

    return await state.commands.carry_out(work)


async def _opened(state: SurveysState, token: str) -> tuple[SurveyLink, Form]:
    """Return what a link opens. Raises NoLink, NoSuchSurvey, SurveyOver."""
    link = state.work.links.read(token)
    async with state.commands.database.connection() as connection:
        row = await PostgresSurveys(connection, state.work.keyring).one(link.survey_id)
    if row is None or row["nonce"] != link.nonce:
        raise NoSuchSurvey
    survey, form = survey_of(row), state.work.settings.forms.get(row["form"])
    if form is None or survey.state != "issued" or link.expires_at <= state.commands.clock.now():
        raise SurveyOver(survey)
    return link, form


def language_of(request: Request, asked: Language | None) -> Language:
    """Return the language asked for, else the one that the browser names first of those there are."""
    if asked is not None:
        return asked
    for each in request.headers.get("accept-language", "").lower().split(","):
        main = each.strip().partition(";")[0].partition("-")[0]
        if main in ("zh", "en"):
            return "zh" if main == "zh" else "en"
    return "zh"


def _fields(body: bytes, content_type: str) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != FORM_TYPE:
        raise Problem(415, detail=f"The answer must be {FORM_TYPE}.")
    if len(body) > MOST_BYTES:
        raise Problem(413, detail="The answer is too long.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError:
        raise Problem(400, detail="The answer cannot be read.") from None
    return dict(pairs)


def _notice(notice: Notice, language: Language, status: int | None = None) -> HTMLResponse:
    return _page(notice_page(notice, language), status or _STATUS[notice])


def _page(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY})
