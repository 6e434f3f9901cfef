"""Case events: where a case stands, and that one of its clocks runs out."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

CaseKind = Literal["enquiry", "complaint", "request"]
CaseCategory = Literal["product", "service", "communication"]
CasePriority = Literal["normal", "high", "urgent"]
CaseState = Literal[
    "received",
    "responded",
    "in_progress",
    "waiting_for_customer",
    "solved",
    "confirmed",
    "reviewed",
    "reopened",
]


class CaseChangedV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A case as it stands after a change.

    `version` grows with every change of this case, so that a reader keeps the newest. The case is kept under the
    fragment `profile_id`; `customer_id` is whom that belonged to at this moment. `next_clock` is the promise that is
    due next, at `next_due_at`; `breached` names the clocks of this cycle that ran out. `what` says what happened.
    `number` is what people call the case by. `assigned_to` is who has it by this change and did not take it himself: a
    subject, or `team:name` of what nobody has. Nothing that anybody said is in it.
    """

    case_id: UUID
    profile_id: UUID
    customer_id: UUID
    kind: CaseKind
    priority: CasePriority
    state: CaseState
    is_open: bool
    team: str
    opened_at: Instant
    changed_at: Instant
    version: int
    what: list[str]
    category: CaseCategory | None = None
    owner: str | None = None
    next_due_at: Instant | None = None
    next_clock: str | None = None
    breached: list[str] = []
    number: str | None = None
    assigned_to: str | None = None


class CaseAlarmV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """So much of a clock's time is used, or it ran out and nobody has stopped it: once for each level of each run.

    `level` is 50, 80 or 100 (percent of the time) or `escalation:n`, the step of the pack's ladder counted from 0.
    `recipients` are subjects, teams (`team:name`) and roles (`role:name`). `run` counts the runs of a clock that
    starts anew within a cycle, from 1. `number` is what people call the case by, `team` who has it.
    """

    case_id: UUID
    profile_id: UUID
    customer_id: UUID
    cycle: int
    clock: str
    run: int
    level: str
    due_at: Instant
    raised_at: Instant
    recipients: list[str]
    number: str | None = None
    team: str | None = None


CASE_CHANGED = EventType("guanxi.case.changed.v1", CaseChangedV1)
CASE_ALARM = EventType("guanxi.case.alarm.v1", CaseAlarmV1)
