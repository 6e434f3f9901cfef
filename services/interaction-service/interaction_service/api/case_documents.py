"""Cases as they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from guanxi_kit.masking import Shown
from interaction_service.adapters.case_reads import PostgresCaseReads
from interaction_service.domain.cases import Case, Category, Kind, Priority, Source, State, Verb


class ParticipantDocument(BaseModel):
    """Somebody who takes part."""

    subject: str
    role: str


class StandingDocument(BaseModel):
    """How a case stands, without what anybody said."""

    case_id: UUID
    number: str
    kind: Kind
    priority: Priority
    category: Category | None
    cause: str | None
    state: State
    is_open: bool
    owner: str | None
    team: str
    source: Source
    duplicate_of: UUID | None
    participants: list[ParticipantDocument]
    opened_at: datetime
    closed_at: datetime | None
    cycle: int
    version: int
    next_due_at: datetime | None
    next_clock: str | None
    breached: list[str]


class CaseItem(StandingDocument):
    """A case in a list; texts are masked. `subject` is null when no key of this installation opens it."""

    customer_id: UUID | None
    profile_id: UUID
    subject: str | None
    description: str | None


class ClockDocument(BaseModel):
    """A clock of one cycle; of one that starts anew (`progress`) the last `run`."""

    cycle: int
    clock: str
    run: int
    state: str
    started_at: datetime
    due_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None


class AlarmDocument(BaseModel):
    """An alarm that a clock raised."""

    cycle: int
    clock: str
    run: int
    level: str
    due_at: datetime
    raised_at: datetime
    recipients: list[str]


class CaseDocument(CaseItem):
    """A case with its clocks, its newest alarms, and the cases that repeat it."""

    duplicates: list[UUID]
    clocks: list[ClockDocument]
    alarms: list[AlarmDocument]


class CasePage(BaseModel):
    """Cases in the order asked for."""

    items: list[CaseItem]
    next_cursor: str | None


class CaseEvent(BaseModel):
    """What happened to a case; texts are masked. `visible`: the customer knows of it."""

    seq: int
    kind: Verb
    at: datetime
    actor: str
    visible: bool
    detail: dict[str, Any]
    said: dict[str, Any] | None


class CaseHistory(BaseModel):
    """What happened to a case, in its order."""

    items: list[CaseEvent]
    next_cursor: str | None


_STANDING = tuple(StandingDocument.model_fields)


def standing(case: Case) -> dict[str, Any]:
    """Return how a case stands."""
    return {name: getattr(case, name) for name in _STANDING}


def item(row: asyncpg.Record, reads: PostgresCaseReads, show: Shown) -> dict[str, Any]:
    """Return a case of a list."""
    said = show.content(reads.said_of_case(row) or {})
    return {
        **{name: row[name] for name in _STANDING},
        "customer_id": row["customer_id"],
        "profile_id": row["profile_id"],
        "subject": said.get("subject"),
        "description": said.get("description"),
    }


def event(row: asyncpg.Record, reads: PostgresCaseReads, show: Shown) -> dict[str, Any]:
    """Return an entry of a case's history."""
    said = reads.said_of_event(row)
    return {
        **{name: row[name] for name in CaseEvent.model_fields if name != "said"},
        "said": None if said is None else show.content(said),
    }
