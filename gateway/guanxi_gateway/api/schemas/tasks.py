"""Tasks: what somebody is to do about a customer, by when, and what came of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_contracts.task import TaskHappening, TaskSource, TaskState
from guanxi_gateway.api.schemas import case_examples
from guanxi_gateway.api.schemas.cases import CasePage
from guanxi_gateway.api.schemas.document import Document

Frequency = Literal["daily", "weekly", "monthly"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Text = Annotated[str, Field(min_length=1, max_length=4_000)]
Line = Annotated[str, Field(min_length=1, max_length=200)]


def _absent_unless_asked(schema: dict[str, Any]) -> None:
    """Where one section was asked for the others are left out; none is ever null."""
    schema["required"] = ["owner", "zone", "day"]


class Recurring(Document):
    """How a task comes again: when one is done, the next is due on the first date of the rule behind that moment.

    Dates follow the wall clock of the team's zone; a month without the day has its last day. `until` is the last day,
    `count` the number of dates, those that were passed over included.
    """

    model_config = ConfigDict(extra="forbid")

    frequency: Frequency
    interval: Annotated[int, Field(ge=1, le=366)] = 1
    weekdays: Annotated[list[Weekday], Field(max_length=7, description="For what comes weekly.")] = []
    until: date | None = None
    count: Annotated[int, Field(ge=1, le=10_000)] | None = None


class TaskOpening(BaseModel):
    """A new task, about a customer, or about a case and so its customer.

    It is the caller's where no owner is named, and nobody's yet where `owner` is null. Without a team it is that of the
    case, or else the pack's first.
    """

    model_config = ConfigDict(extra="forbid")

    title: Line
    notes: Text | None = None
    customer_id: UUID | None = None
    case_id: UUID | None = None
    due_at: AwareDatetime
    remind_at: Annotated[AwareDatetime | None, Field(description="When it is due, or before.")] = None
    owner: Line | None = None
    team: Line | None = None
    recurrence: Recurring | None = None


class TaskText(BaseModel):
    """What came of a task, or why."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[
        int | None, Field(ge=1, description="The version that was read; 409 when the task changed since.")
    ] = None
    text: Text | None = None


class TaskNote(TaskText):
    """A note."""

    text: Text


class TaskReassignment(TaskText):
    """Who does it from now on; an owner of null is nobody yet."""

    owner: Line | None = None
    team: Line | None = None


class TaskRescheduling(TaskText):
    """Another due time; the reminder stays as long before it, unless another one is given, or null."""

    due_at: AwareDatetime
    remind_at: AwareDatetime | None = None


class TaskRecurrence(Document):
    """How a task comes again; `starts_at` is when the first was due, by whose wall clock in `zone` the others are."""

    frequency: Frequency
    starts_at: datetime
    zone: str
    interval: int
    weekdays: list[Weekday]
    until: date | None
    count: int | None


class TaskStanding(Document):
    """How a task stands. `reminded_at` and `overdue_at` are of the present due time."""

    task_id: UUID
    profile_id: UUID
    case_id: UUID | None
    contact_id: UUID | None
    source: TaskSource
    rule: str | None
    team: str
    owner: str | None
    state: TaskState
    due_at: datetime
    remind_at: datetime | None
    reminded_at: datetime | None
    overdue_at: datetime | None
    recurrence: TaskRecurrence | None
    series_id: UUID | None
    occurrence: int = Field(ge=1)
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    version: int = Field(ge=1)


class TaskItem(TaskStanding):
    """A task in a list; texts are masked, null when no key of this installation opens them."""

    customer_id: UUID | None
    title: str | None
    notes: str | None
    outcome: str | None


class TaskEvent(Document):
    """What became of a task; texts are masked."""

    seq: int
    kind: TaskHappening
    at: datetime
    actor: str
    detail: dict[str, Any]
    said: dict[str, Any] | None


class Task(TaskItem):
    """A task with the newest 200 entries of its history."""

    history: list[TaskEvent]


class TaskPage(Document):
    """Tasks, those due first before the others. `next_cursor` asks for the page behind; null on the last."""

    items: list[TaskItem]
    next_cursor: str | None


class HandOver(BaseModel):
    """From whom to whom; where `to` is null to nobody, and so to the teams. `text` is kept with each."""

    model_config = ConfigDict(extra="forbid")

    owner: Line
    to: Line | None
    text: Text | None = None


class HandedOver(Document):
    """How many there were, at most 100 of each; `more`: ask again for the others."""

    cases: int
    tasks: int
    more: bool


class MyDay(Document):
    """What somebody has to do; of `section` alone where one was asked for. `day` is that of `zone`, the team's.

    `overdue` and `today` are tasks by due time, `reminders` later ones that reminded already, `cases` open ones with
    the promise due next first.
    """

    model_config = ConfigDict(json_schema_extra=_absent_unless_asked)

    owner: str
    zone: str
    day: date
    overdue: TaskPage
    today: TaskPage
    reminders: TaskPage
    cases: CasePage


_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
TASK_ID = "7d3f1a52-6b1e-4c0f-9a7d-2e5b8c4d1f60"
CONTACT_ID = "2b6e0f14-93c7-4f5a-8d21-6a0c7e9b5d38"
STANDING: dict[str, Any] = {
    "task_id": TASK_ID,
    "profile_id": _CUSTOMER,
    "case_id": None,
    "contact_id": CONTACT_ID,
    "source": "contact",
    "rule": None,
    "team": "service",
    "owner": "agent-7",
    "state": "open",
    "due_at": "2024-05-02T02:00:00Z",
    "remind_at": "2024-05-02T01:00:00Z",
    "reminded_at": None,
    "overdue_at": None,
    "recurrence": None,
    "series_id": None,
    "occurrence": 1,
    "created_at": "2024-05-01T08:20:00Z",
    "created_by": "agent-7",
    "closed_at": None,
    "version": 1,
}
ITEM: dict[str, Any] = {
    **STANDING,
    "customer_id": _CUSTOMER,
    "title": "Send the offer",
    "notes": "Call 138****5678 before noon",
    "outcome": None,
}
_SHOWN = ("task_id", "case_id", "source", "owner", "team", "due_at", "remind_at")
OF_CUSTOMER: dict[str, Any] = {
    "open": 1,
    "items": [{**{name: STANDING[name] for name in _SHOWN}, "overdue": False}],
    "changes": 1,
}
_EVENT: dict[str, Any] = {
    "seq": 1,
    "kind": "opened",
    "at": "2024-05-01T08:20:00Z",
    "actor": "agent-7",
    "detail": {"source": "contact", "due_at": "2024-05-02T02:00:00Z", "owner": "agent-7"},
    "said": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "TaskOpening": {
        "title": "Ask how the kettle does",
        "customer_id": _CUSTOMER,
        "due_at": "2024-05-06T02:00:00Z",
        "recurrence": {"frequency": "weekly", "weekdays": ["monday"], "count": 4},
    },
    "TaskText": {"text": "Ordered two."},
    "TaskNote": {"text": "Was not there; try on Monday."},
    "TaskReassignment": {"owner": "agent-9"},
    "TaskRescheduling": {"due_at": "2024-05-03T02:00:00Z"},
    "TaskStanding": STANDING,
    "Task": {**ITEM, "history": [_EVENT]},
    "TaskPage": {"items": [ITEM], "next_cursor": None},
    "HandOver": {"owner": "agent-7", "to": "agent-9", "text": "On leave until June"},
    "HandedOver": {"cases": 12, "tasks": 5, "more": False},
    "MyDay": {
        "owner": "agent-7",
        "zone": "Asia/Shanghai",
        "day": "2024-05-02",
        "overdue": {"items": [], "next_cursor": None},
        "today": {"items": [ITEM], "next_cursor": None},
        "reminders": {"items": [], "next_cursor": None},
        "cases": {"items": [case_examples.ITEM], "next_cursor": None},
    },
}
