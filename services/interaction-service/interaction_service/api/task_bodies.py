"""What staff send about tasks and contacts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from interaction_service.api.case_bodies import GivesTo, Line, Text
from interaction_service.api.moment import Moment
from interaction_service.application.contact_desk import FollowUp, RecordContact
from interaction_service.application.task_desk import OpenTask, Repeats
from interaction_service.domain.contacts import Direction, Kind
from interaction_service.domain.tasks import Frequency, Weekday

LATE, AHEAD = timedelta(days=31), timedelta(days=3660)
OLDEST_CONTACT = timedelta(days=366)
AHEAD_OF_US = timedelta(minutes=5)
"""By so much the clock of whoever records a contact may be fast; it counts as now."""
LONGEST_CONTACT = 7 * 24 * 3600


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Recurring(_Body):
    """How a task comes again: the next one is made when the one before is done."""

    frequency: Frequency
    interval: Annotated[int, Field(ge=1, le=366)] = 1
    weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    until: date | None = None
    count: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.weekdays and self.frequency != "weekly":
            raise ValueError("weekdays are for what comes weekly")
        if self.until is not None and self.count is not None:
            raise ValueError("ends by `until` or by `count`, not by both")
        return self

    def command(self) -> Repeats:
        """Return it as the desk takes it."""
        return Repeats(self.frequency, self.interval, self.weekdays, self.until, self.count)


class _Due(_Body):
    """What is to be done by when and by whom; the caller where no owner is named, nobody yet where it is null."""

    due_at: Moment
    remind_at: Moment | None = None
    owner: Line | None = None
    team: Line | None = None

    def wrong_time(self, now: datetime) -> str | None:
        """Return what is wrong with the time, None when nothing is."""
        return wrong_due(self.due_at, self.remind_at, now)

    def owned_by(self, caller: str) -> str | None:
        """Return whose task it is."""
        return self.owner if "owner" in self.model_fields_set else caller


class TaskOpened(_Due):
    """A new task about a customer, or about a case and so its customer."""

    title: Line
    notes: Text | None = None
    customer_id: UUID | None = None
    case_id: UUID | None = None
    recurrence: Recurring | None = None

    @model_validator(mode="after")
    def _is_about_somebody(self) -> Self:
        if self.customer_id is None and self.case_id is None:
            raise ValueError("names neither a customer nor a case")
        return self

    def command(self, caller: str, key: str | None) -> OpenTask:
        """Return it as the desk takes it."""
        return OpenTask(
            customer_id=self.customer_id,
            said=_said(title=self.title, notes=self.notes),
            actor=caller,
            due_at=self.due_at,
            case_id=self.case_id,
            owner=self.owned_by(caller),
            team=self.team,
            remind_at=self.remind_at,
            repeats=None if self.recurrence is None else self.recurrence.command(),
            key=key,
        )


class TaskAct(_Body):
    """What all acts share; `version` is the one that the caller saw: another one is refused."""

    version: Annotated[int, Field(ge=1)] | None = None
    text: Text | None = None

    def changes(self) -> dict[str, Any]:
        """Return new values of the task's fields."""
        return {}

    def said(self) -> dict[str, Any] | None:
        """Return what is sealed."""
        return None if self.text is None else {"text": self.text}


class TaskNoted(TaskAct):
    """A note."""

    text: Text


class TaskReassigned(GivesTo, TaskAct):
    """Who does it from now on; an owner of null is nobody yet."""


class TaskRescheduled(TaskAct):
    """Another due time; the reminder stays as long before it, unless another one is given, or null."""

    due_at: Moment
    remind_at: Moment | None = None

    def changes(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in ("due_at", "remind_at") if name in self.model_fields_set
        }


class Person(_Body):
    """Somebody of the customer's side who took part."""

    name: Line
    role: Line | None = None


class NextAction(_Due):
    """What is to be done next: it becomes a task."""

    action: Line
    notes: Text | None = None

    def command(self, caller: str) -> FollowUp:
        """Return it as the desk takes it."""
        return FollowUp(
            _said(title=self.action, notes=self.notes),
            self.due_at,
            self.owned_by(caller),
            self.team,
            self.remind_at,
        )


class ContactCorrected(_Body):
    """A contact as it was, in place of what was recorded. `seconds`: how long it took."""

    kind: Kind
    direction: Direction
    at: Moment
    seconds: Annotated[int, Field(ge=0, le=LONGEST_CONTACT)] | None = None
    staff: Annotated[list[Line], Field(max_length=50)] = []
    persons: Annotated[list[Person], Field(max_length=50)] = []
    text: Text
    outcome: Text | None = None
    case_id: UUID | None = None

    def wrong_time(self, now: datetime) -> str | None:
        """Return what is wrong with the time, None when nothing is."""
        if now - OLDEST_CONTACT <= self.at <= now + AHEAD_OF_US:
            return None
        return f"must lie within the last {OLDEST_CONTACT.days} days"

    def command(self, customer_id: UUID, caller: str, key: str | None) -> RecordContact:
        """Return it as the desk takes it; who records a contact took part unless others are named."""
        return RecordContact(
            customer_id=customer_id,
            kind=self.kind,
            direction=self.direction,
            at=self.at,
            actor=caller,
            said=_said(
                text=self.text,
                outcome=self.outcome,
                persons=[person.model_dump(exclude_none=True) for person in self.persons] or None,
            ),
            seconds=self.seconds,
            staff=tuple(self.staff) or (caller,),
            case_id=self.case_id,
            follow_up=self.followed_by(caller),
            key=key,
        )

    def followed_by(self, caller: str) -> FollowUp | None:
        """Return what is to be done next, nothing new after a correction."""
        return None


class ContactRecorded(ContactCorrected):
    """A contact with a customer, and what is to be done next."""

    follow_up: NextAction | None = None

    def followed_by(self, caller: str) -> FollowUp | None:
        return None if self.follow_up is None else self.follow_up.command(caller)


def wrong_due(due_at: datetime, remind_at: datetime | None, now: datetime) -> str | None:
    """Return what is wrong with a due time or its reminder, None when nothing is."""
    if now - LATE <= due_at <= now + AHEAD and (remind_at is None or remind_at >= now - LATE):
        return None
    return f"must lie between {LATE.days} days ago and {AHEAD.days} days ahead"


def _said(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
