"""Task events: what somebody is to do about a customer."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

TaskState = Literal["open", "done", "cancelled"]
TaskSource = Literal["staff", "contact", "series", "rule"]
TaskHappening = Literal[
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


class TaskChangedV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A task as it stands after a change.

    `version` grows with every change of this task, so that a reader keeps the newest. The task is kept under the
    fragment `profile_id`; `customer_id` is whom that belonged to at this moment. `what` says what happened: `reminded`
    and `overdue` come once for one due time. `reminded` and `overdue` tell whether they have come. `assigned_to` is who
    has it by this change and did not take it himself: a subject, or `team:name` of what nobody has. Nothing that
    anybody wrote is in it.
    """

    task_id: UUID
    profile_id: UUID
    customer_id: UUID
    team: str
    state: TaskState
    source: TaskSource
    due_at: Instant
    changed_at: Instant
    version: int
    what: TaskHappening
    case_id: UUID | None = None
    owner: str | None = None
    remind_at: Instant | None = None
    reminded: bool = False
    overdue: bool = False
    assigned_to: str | None = None


TASK_CHANGED = EventType("guanxi.task.changed.v1", TaskChangedV1)
