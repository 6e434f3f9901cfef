"""Surveys for staff, and their page for customers."""

from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from guanxi_gateway.adapters.upstream import Upstream, UpstreamFailed
from guanxi_gateway.api.answers import problem_of_failure, response_of
from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Page
from guanxi_gateway.api.records import IdempotencyKey
from guanxi_gateway.api.schemas.surveys import IssuedSurvey, Survey, SurveyPage, SurveyRequest
from guanxi_kit import pages

FORM = "application/x-www-form-urlencoded"
_TOKEN = Annotated[str, Path(min_length=1, max_length=100, description="What the customer was sent.")]
_LANGUAGE = Annotated[Literal["zh", "en"] | None, Query(description="Otherwise the browser's.")]
_OF_CALLER = frozenset((b"accept-language", b"content-type", b"traceparent", b"tracestate"))
_OF_PAGE = frozenset((b"content-type", b"content-security-policy"))
_AWAY = (
    pages.begin("zh", "暂时无法打开")
    + "<p>请稍后再试。如果您刚提交了回答，请返回上一页重新提交。</p>"
    + '<h2 lang="en">Not available right now</h2>'
    + '<p lang="en">Please try again in a moment. If you have just sent your answer, go back and send it again.</p>'
    + pages.END
)


def surveys_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of surveys."""
    router = APIRouter(tags=["surveys"])
    _add_desk(router, services, allow)
    _add_page(router, services.interaction)
    return router


def _add_desk(router: APIRouter, services: Services, allow: Allow) -> None:
    @router.post(
        "/v1/surveys",
        summary="Ask a customer by hand",
        dependencies=[Depends(allow("survey.write"))],
        responses={**UPSTREAM_PROBLEMS, 200: {"model": IssuedSurvey}},
    )
    async def ask_customer(
        request: Request, asked: SurveyRequest, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Issued at once. Surveys after a solved case or a delivery come by themselves, as the pack says."""
        return await forward_write(request, services.interaction, "/v1/surveys")

    @router.get(
        "/v1/surveys",
        summary="List surveys",
        dependencies=[Depends(allow("case.read"))],
        responses={**UPSTREAM_PROBLEMS, 200: {"model": SurveyPage}},
    )
    async def list_surveys(
        request: Request,
        page: Page,
        clear: Clear,
        *,
        customer_id: UUID | None = None,
        case_id: Annotated[
            UUID | None, Query(description="About this case, or answered so that it was opened.")
        ] = None,
    ) -> Response:
        """The newest first, planned ones too."""
        query = {
            "customer_id": str(customer_id) if customer_id else None,
            "case_id": str(case_id) if case_id else None,
            **page,
            **clear,
        }
        return await forward(request, services.interaction, "/v1/surveys", query)

    @router.post(
        "/v1/surveys/{survey_id}/cancel",
        summary="Ask no more",
        dependencies=[Depends(allow("survey.write"))],
        responses={
            **UPSTREAM_PROBLEMS,
            200: {"model": Survey},
            404: problem("There is no such survey."),
            409: problem("The survey is over."),
        },
    )
    async def cancel_survey(request: Request, survey_id: UUID) -> Response:
        """What is planned is not issued; the link of what was issued opens no more."""
        return await forward_write(request, services.interaction, f"/v1/surveys/{survey_id}/cancel")


def _add_page(router: APIRouter, interaction: Upstream) -> None:
    @router.get(
        "/s/{token}",
        response_class=HTMLResponse,
        summary="Show a survey to the customer",
        responses=_pages({200: "The questions, or that they were answered."}),
        openapi_extra={"security": []},
    )
    async def show_survey(request: Request, token: _TOKEN, lang: _LANGUAGE = None) -> Response:
        """The link alone opens it; looking uses nothing up. In Chinese or English, without script."""
        return await _passed(request, interaction, token, lang, None)

    @router.post(
        "/s/{token}",
        response_class=HTMLResponse,
        summary="Answer a survey",
        responses=_pages(
            {
                200: "Thanks, and the number of the improvement when there is one.",
                409: "It was answered before.",
                400: "The form once more, with what is missing.",
            }
        ),
        openapi_extra={"security": [], "requestBody": _BODY},
    )
    async def answer_survey(request: Request, token: _TOKEN, lang: _LANGUAGE = None) -> Response:
        """Once: `csat_` and the dimension with 1 to 5, `nps` with 0 to 10, `words`; as the form asks."""
        return await _passed(request, interaction, token, lang, await request.body())


_BODY: dict[str, Any] = {
    "required": True,
    "content": {FORM: {"schema": {"type": "object"}, "example": {"csat_quality": "4", "words": "Quick"}}},
}


def _pages(told: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """Describe answers that are pages, and what else there may be."""
    told = {**told, 404: "There is no such survey.", 410: "The survey is over."}
    page = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html><html></html>"}}
    answers: dict[int | str, dict[str, Any]] = {}
    for status, text in told.items():
        told_otherwise = {} if status == 200 else problem(text)["content"]
        answers[status] = {"description": text, "content": {**page, **told_otherwise}}
    for status in (502, 503, 504):
        away = UPSTREAM_PROBLEMS[status]
        answers[status] = {**away, "content": {**page, **away["content"]}}
    return {429: UPSTREAM_PROBLEMS[429], **answers}


def _away(status: int) -> Response:
    """Return the page for customers while the service cannot answer; it may have taken the answer: it takes one."""
    return HTMLResponse(_AWAY, status, headers={**pages.HEADERS, "Retry-After": "5"})


async def _passed(
    request: Request, interaction: Upstream, token: str, language: str | None, body: bytes | None
) -> Response:
    """Pass a page on with its own security policy; where there is none now, a page says so. Raises Problem."""
    target = f"/s/{quote(token, safe='')}" + (f"?lang={language}" if language else "")
    headers = [(name, value) for name, value in request.headers.raw if name in _OF_CALLER]
    try:
        answer = await interaction.send(request.method, target, headers, body)
    except UpstreamFailed as failed:
        return _away(problem_of_failure(failed).status)
    if answer.status >= 500:
        return _away(503)
    if answer.media_type != "text/html":
        return response_of(interaction.service, answer)
    response = Response(answer.body, answer.status)
    response.raw_headers.extend((name, value) for name, value in answer.headers if name in _OF_PAGE)
    return response
