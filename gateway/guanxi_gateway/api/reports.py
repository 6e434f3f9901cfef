"""Reports over everybody."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import forward
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Asked
from guanxi_gateway.api.schemas.reports import IssuesReport, NeedsReport, TeamReport

Form = Literal["json", "csv", "html"]
_TYPES: dict[Form, str] = {"json": "application/json", "csv": "text/csv", "html": "text/html"}
_TEXT = {"type": "string"}
_OTHERWISE = {
    "text/csv": {"schema": _TEXT, "example": '"Reason","2026-W21"'},
    "text/html": {"schema": _TEXT, "example": "<!doctype html><html></html>"},
}
_Week = Annotated[str | None, Query(pattern=r"^\d{4}-W\d{2}$", description="As 2026-W21; this week without.")]
_Month = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}$", description="As 2026-05; this month without.")]


async def _form(
    request: Request,
    format: Annotated[Form | None, Query(description="Otherwise what `Accept` names first.")] = None,
    language: Annotated[Literal["zh", "en"] | None, Query(description="Of a page or a CSV.")] = None,
) -> Asked:
    named = [each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")]
    accepted = next((form for each in named for form, kind in _TYPES.items() if kind == each), "json")
    return {"format": format or accepted, "language": language}


_Form = Annotated[Asked, Depends(_form)]


def reports_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of reports."""
    router = APIRouter(
        prefix="/v1/reports",
        tags=["reports"],
        responses=UPSTREAM_PROBLEMS,
        dependencies=[Depends(allow("report.read"))],
    )

    async def report(request: Request, name: str, form: Asked, period: Asked) -> Response:
        kind = _TYPES[form["format"]]  # type: ignore[index]
        path = f"/v1/reports/{name}"
        return await forward(request, services.interaction, path, {**form, **period}, media_type=kind)

    @router.get("/needs", summary="Trend of needs over twelve weeks", responses=_told(NeedsReport))
    async def read_needs(request: Request, form: _Form, week: _Week = None) -> Response:
        """By reason, scene and kind. As JSON, as CSV, or as a page with plots."""
        return await report(request, "needs", form, {"week": week})

    @router.get("/issues", summary="Analysis of a month's cases", responses=_told(IssuesReport))
    async def read_issues(request: Request, form: _Form, month: _Month = None) -> Response:
        """Those opened in it, by category and cause, beside the month before. As JSON, as CSV, or as a page."""
        return await report(request, "issues", form, {"month": month})

    @router.get("/team", summary="Figures of a month by owner and team", responses=_told(TeamReport))
    async def read_team(request: Request, form: _Form, month: _Month = None) -> Response:
        """Time to the first response, contacts per customer, completeness, satisfaction. As JSON, CSV, or a page."""
        return await report(request, "team", form, {"month": month})

    return router


def _told(model: type[Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model, "content": _OTHERWISE}}
