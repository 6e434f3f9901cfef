"""The life of a task: what somebody is to do about a customer, by when, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID, uuid5

State = Literal["open", "done", "cancelled"]
Source = Literal["staff", "contact", "series", "rule"]
Verb = Literal[
    "opened",
    "noted",
    "reassigned",
    "rescheduled",
    "completed",
    "cancelled",
    "reopened",
    "reminded",
    "overdue",
]
"""What happened, as the task's history and its events call it; the last two happen by the passing of time."""
Frequency = Literal["daily", "weekly", "monthly"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_WHEN_OPEN: frozenset[Verb] = frozenset(("reassigned", "rescheduled", "completed", "cancelled"))
_LEADS_TO: Mapping[Verb, State] = {"completed": "done", "cancelled": "cancelled", "reopened": "open"}


class NotNow(Exception):
    """The step is not possible as the task stands; the message says why and names no person."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How a task comes again: `starts_at` is when the first is due, by whose wall clock in `zone` the others are.

    `weekdays` are for weeks only. A month without the day has the task on its last day. `until` is the last day,
    `count` the number of dates, those that were passed over included.
    """

    frequency: Frequency
    starts_at: datetime
    zone: str
    interval: int = 1
    weekdays: tuple[Weekday, ...] = ()
    until: date | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it stands.

    `profile_id` is the fragment it is kept under. `reminded_at` and `overdue_at` say when reminder and overdue were
    raised for the present due time. Of a series `series_id` is the first task's, and `occurrence` counts from 1.
    """

    task_id: UUID
    profile_id: UUID
    team: str
    source: Source
    due_at: datetime
    created_at: datetime
    created_by: str
    case_id: UUID | None = None
    contact_id: UUID | None = None
    rule: str | None = None
    owner: str | None = None
    state: State = "open"
    remind_at: datetime | None = None
    reminded_at: datetime | None = None
    overdue_at: datetime | None = None
    recurrence: Recurrence | None = None
    series_id: UUID | None = None
    occurrence: int = 1
    closed_at: datetime | None = None
    version: int = 1

    @property
    def next_reminder(self) -> datetime | None:
        """When the reminder is to be raised; None when it was, or never will be."""
        return self.remind_at if self.state == "open" and self.reminded_at is None else None

    @property
    def next_overdue(self) -> datetime | None:
        """When the task becomes overdue; None when it did, or never will."""
        return self.due_at if self.state == "open" and self.overdue_at is None else None


def check_times(due_at: datetime, remind_at: datetime | None) -> None:
    """Raise NotNow for a reminder after the task is due."""
    if remind_at is not None and remind_at > due_at:
        raise NotNow("cannot remind after it is due")


def take(task: Task, verb: Verb, changes: Mapping[str, object], at: datetime) -> Task:
    """Return the task after a step, with new values of its fields. Raises NotNow."""
    if verb in _WHEN_OPEN and task.state != "open":
        raise NotNow(f"is {task.state}")
    if verb == "reopened" and task.state == "open":
        raise NotNow("is open")
    state = _LEADS_TO.get(verb, task.state)
    after = replace(task, state=state, version=task.version + 1, **changes)  # type: ignore[arg-type]
    if verb == "rescheduled":
        check_times(after.due_at, after.remind_at)
        return replace(after, reminded_at=None, overdue_at=None)
    if verb in ("completed", "cancelled"):
        return replace(after, closed_at=at)
    return replace(after, closed_at=None) if verb == "reopened" else after


def moved_reminder(task: Task, due_at: datetime) -> datetime | None:
    """Return the reminder as long before another due time as it is before the present one."""
    return None if task.remind_at is None else due_at - (task.due_at - task.remind_at)


def following(task: Task, due_at: datetime, at: datetime) -> Task:
    """Return the next task of a series, due then. It belongs to whom the one before belongs to."""
    first = task.series_id or task.task_id
    return Task(
        task_id=uuid5(first, str(task.occurrence + 1)),
        profile_id=task.profile_id,
        team=task.team,
        source="series",
        due_at=due_at,
        created_at=at,
        created_by=task.created_by,
        case_id=task.case_id,
        contact_id=task.contact_id,
        rule=task.rule,
        owner=task.owner,
        remind_at=moved_reminder(task, due_at),
        recurrence=task.recurrence,
        series_id=first,
        occurrence=task.occurrence + 1,
    )
