"""Cases and complaints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Kind = Literal["enquiry", "complaint", "request"]
Category = Literal["product", "service", "communication"]
Priority = Literal["normal", "high", "urgent"]
State = Literal[
    "received",
    "responded",
    "in_progress",
    "waiting_for_customer",
    "solved",
    "confirmed",
    "reviewed",
    "reopened",
]
ClockName = Literal["first_response", "response_limit", "progress", "solution", "plan"]
Text = Annotated[str, Field(min_length=1, max_length=4_000)]
Line = Annotated[str, Field(min_length=1, max_length=200)]


class CaseOpening(BaseModel):
    """A new case. `received_at`: when the customer told it, up to 31 days ago: the clocks start then.

    Category and priority are those of the `cause`, as the pack declares it, where none is given.
    """

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID
    kind: Kind
    subject: Line
    description: Annotated[str, Field(max_length=4_000)] = ""
    priority: Priority | None = None
    category: Category | None = None
    cause: Line | None = None
    team: Line | None = None
    owner: Line | None = None
    received_at: AwareDatetime | None = None


class _Act(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Annotated[
        int | None, Field(ge=1, description="The version that was read; 409 when the case changed since.")
    ] = None


class CaseText(_Act):
    """Something that is told, asked or noted."""

    text: Text


class CaseConfirmation(_Act):
    """The customer confirms, with what was said."""

    text: Text | None = None


class CaseAssignment(CaseConfirmation):
    """Who works on it from now on; an owner of null is nobody. Another team may have another calendar."""

    owner: Line | None = None
    team: Line | None = None


class CasePriority(CaseConfirmation):
    """How urgent it is; `urgent` is the green channel, with a plan within two hours."""

    priority: Priority


class CaseCategory(CaseConfirmation):
    """Where its cause lies."""

    category: Category
    cause: Line | None = None


class CaseSolution(CaseText):
    """What the customer is told of the solution. A complaint needs a category, now or before."""

    category: Category | None = None
    cause: Line | None = None


class CaseLink(CaseConfirmation):
    """The case of the same customer that this one repeats."""

    case_id: UUID


class CaseParticipation(_Act):
    """Somebody who takes part, and as what; `remove` when no longer."""

    subject: Line
    role: Line = "participant"
    remove: bool = False


class CaseAttachment(_Act):
    """A file that is kept elsewhere."""

    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://")]
    name: Line
    media_type: Annotated[str, Field(max_length=100)]


class CaseParticipant(BaseModel):
    """Somebody who takes part."""

    subject: str
    role: str


class CaseStanding(BaseModel):
    """How a case stands. `breached`: clocks of this cycle that ran out."""

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
    source: Literal["staff", "channel", "survey", "rule"]
    duplicate_of: UUID | None
    participants: list[CaseParticipant]
    opened_at: datetime
    closed_at: datetime | None
    cycle: int = Field(ge=1)
    version: int = Field(ge=1)
    next_due_at: datetime | None
    next_clock: ClockName | None
    breached: list[ClockName]


class CaseItem(CaseStanding):
    """A case in a list; texts are masked, null when no key of this installation opens them."""

    customer_id: UUID | None
    profile_id: UUID
    subject: str | None
    description: str | None


class CaseClock(BaseModel):
    """A clock of one cycle; of one that starts anew (`progress`) the last `run`."""

    cycle: int
    clock: ClockName
    run: int
    state: Literal["running", "paused", "stopped"]
    started_at: datetime
    due_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None


class CaseAlarm(BaseModel):
    """An alarm: `level` is a percent of the time, or `escalation:n` of the pack's ladder."""

    cycle: int
    clock: ClockName
    run: int
    level: str
    due_at: datetime
    raised_at: datetime
    recipients: list[str]


class Case(CaseItem):
    """A case with its clocks, its newest alarms, and the cases that repeat it."""

    duplicates: list[UUID]
    clocks: list[CaseClock]
    alarms: list[CaseAlarm]


class CasePage(BaseModel):
    """Cases, the newest first, or those due first. `next_cursor` asks for the page behind; null on the last."""

    items: list[CaseItem]
    next_cursor: str | None


class CaseEvent(BaseModel):
    """What happened to a case; texts are masked. `visible`: the customer knows of it."""

    seq: int
    kind: str
    at: datetime
    actor: str
    visible: bool
    detail: dict[str, Any]
    said: dict[str, Any] | None


class CaseHistory(BaseModel):
    """What happened to a case, in its order."""

    items: list[CaseEvent]
    next_cursor: str | None


_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
_ID = "5b0e1d1c-8a3f-4a65-9d0e-0c1f5a7d2e44"
_OTHER = "9c2d1f60-1b7e-4d0c-8f0a-4b1d9c7e5a12"
STANDING: dict[str, Any] = {
    "case_id": _ID,
    "number": "S20240501-0001",
    "kind": "complaint",
    "priority": "normal",
    "category": "product",
    "cause": "defect",
    "state": "responded",
    "is_open": True,
    "owner": "agent-7",
    "team": "service",
    "source": "staff",
    "duplicate_of": None,
    "participants": [{"subject": "expert-1", "role": "expert"}],
    "opened_at": "2024-05-01T08:00:00Z",
    "closed_at": None,
    "cycle": 1,
    "version": 2,
    "next_due_at": "2024-05-02T08:40:00Z",
    "next_clock": "progress",
    "breached": [],
}
ITEM: dict[str, Any] = {
    **STANDING,
    "customer_id": _CUSTOMER,
    "profile_id": _CUSTOMER,
    "subject": "The kettle leaks",
    "description": "Call back: 138****5678",
}
CASE: dict[str, Any] = {
    **ITEM,
    "duplicates": [_OTHER],
    "clocks": [
        {
            "cycle": 1,
            "clock": "first_response",
            "run": 1,
            "state": "stopped",
            "started_at": "2024-05-01T08:00:00Z",
            "due_at": None,
            "breached_at": None,
            "stopped_at": "2024-05-01T08:40:00Z",
        }
    ],
    "alarms": [
        {
            "cycle": 1,
            "clock": "first_response",
            "run": 1,
            "level": "50",
            "due_at": "2024-05-01T09:00:00Z",
            "raised_at": "2024-05-01T08:30:00.080000Z",
            "recipients": ["agent-7"],
        }
    ],
}
HISTORY: dict[str, Any] = {
    "items": [
        {
            "seq": 2,
            "kind": "responded",
            "at": "2024-05-01T08:40:00Z",
            "actor": "agent-7",
            "visible": True,
            "detail": {},
            "said": {"text": "We send you a new one today."},
        }
    ],
    "next_cursor": None,
}
_SHOWN = (
    "case_id",
    "kind",
    "category",
    "priority",
    "state",
    "owner",
    "team",
    "opened_at",
    "next_due_at",
    "next_clock",
    "breached",
)
OF_CUSTOMER: dict[str, Any] = {"open": 1, "items": [{name: STANDING[name] for name in _SHOWN}], "changes": 2}
EXAMPLES: dict[str, dict[str, Any]] = {
    "CaseOpening": {
        "customer_id": _CUSTOMER,
        "kind": "complaint",
        "subject": "The kettle leaks",
        "description": "Call back: 13812345678",
    },
    "CaseText": {"text": "We send you a new one today."},
    "CaseConfirmation": {"text": "Works now, thanks."},
    "CaseAssignment": {"owner": "agent-7", "team": "product"},
    "CasePriority": {"priority": "urgent", "text": "No tea since Monday"},
    "CaseCategory": {"category": "product", "cause": "defect"},
    "CaseSolution": {"text": "The new kettle was delivered.", "category": "product"},
    "CaseLink": {"case_id": _OTHER},
    "CaseParticipation": {"subject": "expert-1", "role": "expert"},
    "CaseAttachment": {
        "url": "https://files.example.com/kettle.jpg",
        "name": "the crack",
        "media_type": "image/jpeg",
    },
    "CaseStanding": STANDING,
    "Case": CASE,
    "CasePage": {"items": [ITEM], "next_cursor": None},
    "CaseHistory": HISTORY,
}
