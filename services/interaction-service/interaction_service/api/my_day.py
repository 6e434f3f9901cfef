"""GET /v1/my-day: what somebody has to do today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import require
from guanxi_kit.crypto import Keyring
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.masking import Shown
from interaction_service.adapters.case_reads import CaseFilter, PostgresCaseReads, place_of
from interaction_service.adapters.task_reads import PostgresTaskReads, TaskFilter
from interaction_service.api import case_documents, task_documents
from interaction_service.api.answers import json_of, wrong
from interaction_service.api.cases import Cursor, Limit, Name
from interaction_service.api.task_state import Tasks
from interaction_service.application.days import end_of_day

router = APIRouter(tags=["tasks"])
Section = Literal["overdue", "today", "reminders", "cases"]
Behind = tuple[datetime, UUID] | None


class MyDay(BaseModel):
    """What somebody has to do; of `section` alone where one was asked for. `day` is that of `zone`, the team's.

    `overdue` and `today` are tasks by due time, `reminders` later ones that reminded already, `cases` open ones with
    the promise due next first.
    """

    owner: str
    zone: str
    day: date
    overdue: task_documents.TaskPage | None = None
    today: task_documents.TaskPage | None = None
    reminders: task_documents.TaskPage | None = None
    cases: case_documents.CasePage | None = None


class _Day:
    """The day of one owner, read over one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring, show: Shown) -> None:
        self._tasks = PostgresTaskReads(connection, keyring)
        self._cases = PostgresCaseReads(connection, keyring)
        self._show = show

    async def rows(
        self, section: Section, owner: str, times: tuple[datetime, datetime], limit: int, behind: Behind
    ) -> list[asyncpg.Record]:
        """Return what is in a section, one more than a page holds; `times` are now and the end of the day."""
        now, end = times
        match section:
            case "overdue":
                only = TaskFilter(owner=owner, state="open", due_before=now)
            case "today":
                only = TaskFilter(owner=owner, state="open", due_from=now, due_before=end)
            case "reminders":
                only = TaskFilter(owner=owner, state="open", due_from=end, reminded_by=now, order="remind_at")
            case "cases":
                return await self._cases.page(CaseFilter(owner=owner, due=True), limit + 1, behind)
        return await self._tasks.page(only, limit + 1, behind)

    def page(self, section: Section, rows: Sequence[asyncpg.Record], limit: int) -> dict[str, Any]:
        """Return a section as it is shown."""
        shown = rows[:limit]
        if section == "cases":
            items = [case_documents.item(row, self._cases, self._show) for row in shown]
        else:
            items = [task_documents.item(row, self._tasks, self._show) for row in shown]
        more = None
        if len(rows) > limit:
            more = encode_cursor(*_place_of(section, shown[-1]))
        return {"items": items, "next_cursor": more}


def _place_of(section: Section, row: asyncpg.Record) -> tuple[datetime, UUID]:
    if section == "cases":
        return place_of(row, due=True)
    return row["remind_at" if section == "reminders" else "due_at"], row["task_id"]


@router.get(
    "/v1/my-day",
    response_model=MyDay,
    response_model_exclude_none=True,
    summary="What the caller has to do today",
)
async def read_my_day(
    *,
    state: Tasks,
    reading: Annotated[Reading, maskable("task.read", "tasks")],
    owner: Annotated[Name, Query(description="Somebody else's day; needs the permission team.read.")] = None,
    team: Annotated[Name, Query(description="By whose zone the day is told.")] = None,
    section: Section | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Four lists, a page of each; `section` with the `next_cursor` of a list asks for the page behind."""
    if cursor is not None and section is None:
        raise wrong("cursor", "needs the section that it is of")
    if owner is not None and owner != reading.principal.subject:
        await require("team.read")(reading.principal)
    owner, team = owner or reading.principal.subject, team or state.work.teams.default
    if team not in state.work.teams.names:
        raise wrong("team", "is no team of this pack")
    zone, now = state.work.teams.zone_of(team), state.commands.clock.now()
    times = now, end_of_day(now, zone)
    behind = None if cursor is None else decode_cursor(cursor)
    sections = get_args(Section) if section is None else (section,)
    async with state.commands.database.connection() as connection:
        day = _Day(connection, state.work.keyring, reading.shown)
        found = {name: await day.rows(name, owner, times, limit, behind) for name in sections}
    await reading.of({row["profile_id"] for rows in found.values() for row in rows[:limit]})
    document = {
        "owner": owner,
        "zone": zone,
        "day": now.astimezone(ZoneInfo(zone)).date(),
        **{name: day.page(name, rows, limit) for name, rows in found.items()},
    }
    return json_of(document)
