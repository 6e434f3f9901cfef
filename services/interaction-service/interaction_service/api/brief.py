"""GET /v1/customers/{customer_id}/brief: what the brief before a contact says of dealings with a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from guanxi_kit.audit import Reading, maskable
from interaction_service.adapters.case_reads import CaseFilter, PostgresCaseReads
from interaction_service.adapters.contact_store import PostgresContacts
from interaction_service.adapters.task_news import CORRECTED, RECORDED
from interaction_service.adapters.task_reads import PostgresTaskReads, TaskFilter
from interaction_service.api import case_documents, task_documents, timeline
from interaction_service.api.answers import json_of, known_fragments
from interaction_service.api.schemas import TimelineItem
from interaction_service.api.task_state import Tasks
from interaction_service.application.timeline import Entry, ReadTimeline, ids_of
from interaction_service.domain.timeline_filter import TimelineFilter

LAST_CONTACTS, MOST_OPEN = 5, 10
LOOKED_AT = 2 * LAST_CONTACTS
"""Contacts read for the last ones: some may have been corrected."""
EVERY_EVENT = TimelineFilter(kinds=("track",))
router = APIRouter(tags=["tasks"])


class LastContacts(BaseModel):
    """The last contacts, the newest first; whether there are more."""

    items: list[TimelineItem]
    more: bool


class OpenCases(BaseModel):
    """Open cases, the promise due next first; whether there are more."""

    items: list[case_documents.CaseItem]
    more: bool


class OpenTasks(BaseModel):
    """Open tasks, those due first before the others; whether there are more."""

    items: list[task_documents.TaskItem]
    more: bool


class Dealings(BaseModel):
    """What is known here before a contact."""

    last_contacts: LastContacts
    open_cases: OpenCases
    open_tasks: OpenTasks


@router.get(
    "/v1/customers/{customer_id}/brief",
    response_model=Dealings,
    summary="Last contacts with a customer, open cases and tasks",
)
async def read_dealings(
    *,
    request: Request,
    customer_id: UUID,
    state: Tasks,
    reading: Annotated[Reading, maskable("task.read", "brief")],
    event: Annotated[
        list[timeline.EventName] | None,
        Query(max_length=50, description="Names of events that are contacts; without any every track event."),
    ] = None,
) -> Response:
    """Of all of the customer's fragments: 5 contacts, 10 cases and 10 tasks at most."""
    query: ReadTimeline = request.app.state.timeline
    fragments = await known_fragments(request, customer_id)
    people = ids_of(fragments)
    reading.begin(people)
    only = TimelineFilter(events=_with_corrections(event)) if event else EVERY_EVENT
    page = await query.read(fragments, limit=LOOKED_AT, after=None, only=only, show=reading.shown)
    async with state.commands.database.connection() as connection:
        cases = PostgresCaseReads(connection, state.work.keyring)
        tasks = PostgresTaskReads(connection, state.work.keyring)
        contacts = await _standing(page.entries, PostgresContacts(connection, state.work.keyring))
        open_cases = await cases.page(CaseFilter(people, due=True), MOST_OPEN + 1)
        open_tasks = await tasks.page(TaskFilter(people, state="open"), MOST_OPEN + 1)
    await reading.kept()
    show = reading.shown
    document = {
        "last_contacts": {
            "items": [timeline.item(entry) for entry in contacts[:LAST_CONTACTS]],
            "more": len(contacts) > LAST_CONTACTS or page.next is not None,
        },
        "open_cases": _some([case_documents.item(row, cases, show) for row in open_cases]),
        "open_tasks": _some([task_documents.item(row, tasks, show) for row in open_tasks]),
    }
    return json_of(document)


def _some(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": items[:MOST_OPEN], "more": len(items) > MOST_OPEN}


def _with_corrections(events: Sequence[str]) -> tuple[str, ...]:
    """Return names of events with that of corrections, where contacts that staff recorded are among them."""
    return (*events, CORRECTED) if RECORDED in events else tuple(events)


async def _standing(entries: Sequence[Entry], contacts: PostgresContacts) -> list[Entry]:
    """Leave out contacts that a correction stands in place of: nobody is to go by what was put right."""
    recorded = {contact_id for entry in entries if (contact_id := _contact_id(entry)) is not None}
    corrected = await contacts.corrected(recorded) if recorded else set()
    return [entry for entry in entries if _contact_id(entry) not in corrected]


def _contact_id(entry: Entry) -> UUID | None:
    if entry.content is None or entry.row.name not in (RECORDED, CORRECTED):
        return None
    try:
        return UUID(str(entry.content.properties.get("contact_id")))
    except ValueError:
        return None
