"""Cases and complaints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_contracts import case
from guanxi_gateway.api.schemas.document import Document

Kind = case.CaseKind
Category = case.CaseCategory
Priority = case.CasePriority
State = case.CaseState
Source = Literal["staff", "channel", "survey", "rule"]
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


class CaseKindChange(CaseConfirmation):
    """What kind it is after all: a question that turns out to be a complaint."""

    kind: Kind


class CaseCategory(CaseConfirmation):
    """Where its cause lies. A cause that is found out later makes a case more urgent, never less."""

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


class CaseParticipant(Document):
    """Somebody who takes part."""

    subject: str
    role: str


class CaseStanding(Document):
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
    source: Source
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


class CaseClock(Document):
    """A clock of one cycle; of one that starts anew (`progress`) the last `run`."""

    cycle: int
    clock: ClockName
    run: int
    state: Literal["running", "paused", "stopped"]
    started_at: datetime
    due_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None


class CaseAlarm(Document):
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


class CasePage(Document):
    """Cases, the newest first, or those due first. `next_cursor` asks for the page behind; null on the last."""

    items: list[CaseItem]
    next_cursor: str | None


class CaseEvent(Document):
    """What happened to a case; texts are masked. `visible`: the customer knows of it."""

    seq: int
    kind: str
    at: datetime
    actor: str
    visible: bool
    detail: dict[str, Any]
    said: dict[str, Any] | None


class CaseHistory(Document):
    """What happened to a case, in its order."""

    items: list[CaseEvent]
    next_cursor: str | None
