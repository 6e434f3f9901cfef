"""Reports over everybody: needs by week, issues and the team by month; as JSON, as CSV, as a page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_kit import pages
from guanxi_kit.auth import require
from guanxi_kit.clock import Clock
from guanxi_kit.db import Database
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.packs import Labels, Pack
from guanxi_kit.spreadsheets import BOM, MEDIA_TYPE, csv_lines
from interaction_service.adapters.report_reads import read_counts
from interaction_service.api.report_page import (
    Language,
    Table,
    issues_tables,
    needs_tables,
    page,
    sheet,
    team_tables,
)
from interaction_service.application.reports import (
    ISSUE_MEASURES,
    NEED_MEASURES,
    TEAM_MEASURES,
    WEEK,
    WEEKS,
    Names,
    issues_report,
    month_after,
    needs_report,
    team_report,
)

router = APIRouter(prefix="/v1/reports", tags=["reports"], dependencies=[Depends(require("report.read"))])
Format = Literal["json", "csv", "html"]
_ENCODE = msgspec.json.Encoder().encode
_TYPES: dict[str, Format] = {"application/json": "json", "text/csv": "csv", "text/html": "html"}
Week = Annotated[str | None, Query(pattern=r"^\d{4}-W\d{2}$", description="As 2026-W21; this week without.")]
Month = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}$", description="As 2026-05; this month without.")]


@dataclass(frozen=True)
class ReportsState:
    """What the endpoints need, kept as `app.state.reports`."""

    database: Database
    clock: Clock
    pack: Pack
    zone: ZoneInfo

    def today(self) -> date:
        """Return the day of the zone."""
        return self.clock.now().astimezone(self.zone).date()


@dataclass(frozen=True)
class Asked:
    """In which form a report is asked for."""

    format: Format
    language: Language

    def answer(
        self, name: str, period: str, report: dict[str, Any], tables: Callable[[Any, Language], list[Table]]
    ) -> Response:
        """Return the report in this form."""
        if self.format == "json":
            return Response(_ENCODE(report), media_type="application/json")
        found = tables(report, self.language)
        if self.format == "html":
            text = page(name, period, found, self.language)
            return Response(text, media_type="text/html", headers=pages.HEADERS)
        return Response(BOM.encode() + csv_lines(sheet(found)), media_type=MEDIA_TYPE)


async def asked_form(
    request: Request,
    format: Annotated[Format | None, Query(description="Otherwise what `Accept` names first.")] = None,
    language: Annotated[Language, Query(description="Of a page or a CSV.")] = "zh",
) -> Asked:
    """FastAPI dependency: the form of the answer."""
    named = [each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")]
    accepted: Format = next((_TYPES[each] for each in named if each in _TYPES), "json")
    return Asked(format or accepted, language)


async def reports_state(request: Request) -> ReportsState:
    """FastAPI dependency: the state of this application."""
    state: ReportsState = request.app.state.reports
    return state


Form = Annotated[Asked, Depends(asked_form)]
Reports = Annotated[ReportsState, Depends(reports_state)]


@router.get("/needs", summary="Trend of needs over twelve weeks")
async def read_needs(state: Reports, form: Form, week: Week = None) -> Response:
    """By reason, scene and kind."""
    monday = _monday(week, state.today())
    async with state.database.connection() as connection:
        since = monday - WEEK * (WEEKS - 1)
        counts = await read_counts(connection, NEED_MEASURES, since, monday + WEEK, "week")
    settings = state.pack.needs
    report = needs_report(monday, counts, _names(settings.reasons), _names(settings.scenes))
    return form.answer("needs", report["week"], report, needs_tables)


@router.get("/issues", summary="Analysis of a month's cases")
async def read_issues(state: Reports, form: Form, month: Month = None) -> Response:
    """By category and cause: how many were opened, beside the month before, and what became of them."""
    first = _first(month, state.today())
    async with state.database.connection() as connection:
        counts = await read_counts(
            connection, ISSUE_MEASURES, month_after(first, -1), month_after(first), "month"
        )
    causes = {name: cause.labels for name, cause in state.pack.cases.causes.items()}
    report = issues_report(first, counts, _names(causes))
    return form.answer("issues", report["month"], report, issues_tables)


@router.get("/team", summary="Figures of a month by owner and team")
async def read_team(state: Reports, form: Form, month: Month = None) -> Response:
    """Time to the first response, contacts per customer, completeness of records, satisfaction."""
    first = _first(month, state.today())
    async with state.database.connection() as connection:
        counts = await read_counts(connection, TEAM_MEASURES, first, month_after(first), "month")
    report = team_report(first, counts)
    rated = (form.dimensions for form in state.pack.surveys.forms.values())
    labels = _names({name: one.labels for dimensions in rated for name, one in dimensions.items()})
    return form.answer("team", report["month"], report, partial(team_tables, dimensions=labels))


def _names(labels: dict[str, Labels]) -> Names:
    return {name: each.model_dump() for name, each in labels.items()}


def _monday(week: str | None, today: date) -> date:
    if week is None:
        return date.fromisocalendar(*today.isocalendar()[:2], 1)
    try:
        monday = date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    except ValueError:
        raise _wrong("week") from None
    return _within(monday, "week")


def _first(month: str | None, today: date) -> date:
    if month is None:
        return today.replace(day=1)
    try:
        first = date(int(month[:4]), int(month[5:]), 1)
    except ValueError:
        raise _wrong("month") from None
    return _within(first, "month")


def _within(day: date, field: str) -> date:
    if not 1970 <= day.year <= 2999:
        raise _wrong(field)
    return day


def _wrong(field: str) -> Problem:
    return Problem(
        400, detail="The request is not valid.", errors=[FieldError(field, f"there is no such {field}")]
    )
