"""Tasks and contacts as they are shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from guanxi_kit.masking import Shown
from interaction_service.adapters.contact_store import PostgresContacts
from interaction_service.adapters.task_news import touchpoint_of
from interaction_service.adapters.task_reads import PostgresTaskReads
from interaction_service.adapters.task_rows import stored
from interaction_service.domain.contacts import Contact, Direction, Kind
from interaction_service.domain.tasks import Frequency, Source, State, Task, Verb, Weekday


class RecurrenceDocument(BaseModel):
    """How a task comes again; `starts_at` is when the first was due, by whose wall clock in `zone` the others are."""

    frequency: Frequency
    starts_at: datetime
    zone: str
    interval: int
    weekdays: list[Weekday]
    until: date | None
    count: int | None


class TaskStanding(BaseModel):
    """How a task stands, without what anybody wrote."""

    task_id: UUID
    profile_id: UUID
    case_id: UUID | None
    contact_id: UUID | None
    source: Source
    rule: str | None
    team: str
    owner: str | None
    state: State
    due_at: datetime
    remind_at: datetime | None
    reminded_at: datetime | None
    overdue_at: datetime | None
    recurrence: RecurrenceDocument | None
    series_id: UUID | None
    occurrence: int
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    version: int


class TaskItem(TaskStanding):
    """A task in a list; texts are masked, null when no key of this installation opens them."""

    customer_id: UUID | None
    title: str | None
    notes: str | None
    outcome: str | None


class TaskEventDocument(BaseModel):
    """What became of a task; texts are masked."""

    seq: int
    kind: Verb
    at: datetime
    actor: str
    detail: dict[str, Any]
    said: dict[str, Any] | None


class TaskDocument(TaskItem):
    """A task with the newest of its history."""

    history: list[TaskEventDocument]


class TaskPage(BaseModel):
    """Tasks, those due first before the others."""

    items: list[TaskItem]
    next_cursor: str | None


class ContactStanding(BaseModel):
    """A contact as it was recorded, without what was said; `task_id` is the follow-up."""

    contact_id: UUID
    profile_id: UUID
    touchpoint_id: UUID
    kind: Kind
    direction: Direction
    at: datetime
    seconds: int | None
    staff: list[str]
    case_id: UUID | None
    task_id: UUID | None
    corrects: UUID | None
    recorded_at: datetime
    actor: str


class PersonDocument(BaseModel):
    """Somebody of the customer's side who took part."""

    name: str
    role: str | None


class ContactItem(ContactStanding):
    """A contact in a list; texts are masked. `corrected_by` is the record that stands in its place."""

    customer_id: UUID | None
    corrected_by: UUID | None
    text: str | None
    outcome: str | None
    persons: list[PersonDocument]


class ContactPage(BaseModel):
    """Contacts, the newest first."""

    items: list[ContactItem]
    next_cursor: str | None


_TASK = tuple(TaskStanding.model_fields)
_CONTACT = tuple(name for name in ContactStanding.model_fields if name != "touchpoint_id")


def standing(task: Task) -> dict[str, Any]:
    """Return how a task stands."""
    return {**{name: getattr(task, name) for name in _TASK}, "recurrence": stored(task.recurrence)}


def item(row: asyncpg.Record, reads: PostgresTaskReads, show: Shown) -> dict[str, Any]:
    """Return a task of a list."""
    said = show.content(reads.said_of_task(row) or {})
    outcome = show.content(reads.outcome_of(row) or {})
    return {
        **{name: row[name] for name in _TASK},
        "customer_id": row["customer_id"],
        "title": said.get("title"),
        "notes": said.get("notes"),
        "outcome": outcome.get("text"),
    }


def event(row: asyncpg.Record, reads: PostgresTaskReads, show: Shown) -> dict[str, Any]:
    """Return an entry of a task's history."""
    said = reads.said_of_event(row)
    return {
        **{name: row[name] for name in TaskEventDocument.model_fields if name != "said"},
        "said": None if said is None else show.content(said),
    }


def contact_standing(contact: Contact) -> dict[str, Any]:
    """Return a contact as it was recorded."""
    return {
        **{name: getattr(contact, name) for name in _CONTACT},
        "touchpoint_id": touchpoint_of(contact.contact_id),
    }


def contact_item(row: asyncpg.Record, reads: PostgresContacts, show: Shown) -> dict[str, Any]:
    """Return a contact of a list."""
    said = reads.said(row) or {}
    return {
        **{name: row[name] for name in _CONTACT},
        "touchpoint_id": touchpoint_of(row["contact_id"]),
        "customer_id": row["customer_id"],
        "corrected_by": row["corrected_by"],
        "text": show.content(said.get("text")),
        "outcome": show.content(said.get("outcome")),
        "persons": [
            {"name": show.trait("name", person["name"]), "role": person.get("role")}
            for person in said.get("persons", ())
        ],
    }
