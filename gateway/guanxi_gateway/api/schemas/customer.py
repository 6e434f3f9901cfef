"""The unified view and what belongs to one customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from guanxi_contracts.task import TaskSource
from guanxi_gateway.api.schemas.cases import Category, ClockName, Kind, Priority, State
from guanxi_gateway.api.schemas.classification import CustomerSegment, CustomerTag, LifecycleStage
from guanxi_gateway.api.schemas.consents import ConsentReason
from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.record import Record
from guanxi_gateway.api.schemas.surveys import Satisfaction
from guanxi_gateway.api.schemas.timeline import TimelineItem
from guanxi_gateway.api.schemas.traits import Because, Source


class CurrencyTotal(Document):
    """Purchases in one currency, in its minor units."""

    currency: str
    count: int = Field(ge=0)
    amount_minor: int


class Purchases(Document):
    """All purchases; `amount_minor` is of the main `currency`, the one of most purchases, in minor units (fen)."""

    count: int = Field(ge=0)
    amount_minor: int
    currency: str | None
    first_at: datetime | None
    last_at: datetime | None
    by_currency: list[CurrencyTotal]


class Identifier(Document):
    """One identifier of the customer; phone numbers and e-mail addresses are masked."""

    type: str
    value: str
    first_seen_at: datetime


class Trait(Document):
    """A trait: who told it last and when, and why that source is believed. Personal values are masked."""

    value: Any
    occurred_at: datetime
    channel: str
    source: Source
    because: Because


class ReasonWords(Document):
    """A reason in words, in Chinese and in English."""

    zh: str
    en: str


class ScoreReason(Document):
    """Why a score is what it is: a stable code and the figures that go with it; of the risk in words, too."""

    code: str
    figures: dict[str, float | int | str]
    words: ReasonWords | None = None


RfmTier = Literal["high_value", "potential", "ordinary", "dormant"]


class RfmScore(Document):
    """Recency, frequency and money as classes from 1 (worst) to 5 (best), 0 without a purchase."""

    tier: RfmTier
    previous_tier: RfmTier | None
    recency: int = Field(ge=0, le=5)
    frequency: int = Field(ge=0, le=5)
    monetary: int = Field(ge=0, le=5)
    purchases: int = Field(ge=0)
    amount_minor: int
    last_purchase_at: datetime | None
    revision: int
    computed_at: datetime
    reasons: list[ScoreReason]


class RiskScore(Document):
    """The risk of losing the customer over what went wrong (complaints, broken promises) or by silence, in points."""

    score: int = Field(ge=0, le=100)
    level: Literal["low", "elevated", "high"]
    reasons: list[ScoreReason]


def _optional_scores(schema: dict[str, Any]) -> None:
    """A customer who was not scored yet has no `rfm` and no `risk`; they are never null."""
    del schema["required"]


class Scores(Document):
    """The scores of a customer that were computed so far."""

    model_config = ConfigDict(json_schema_extra=_optional_scores)

    rfm: RfmScore
    risk: RiskScore


class Consent(Document):
    """Whether a purpose is allowed on a channel, why, and since when; no time where nothing was decided."""

    allowed: bool
    reason: ConsentReason
    effective_at: datetime | None


class OpenCase(Document):
    """An open case, and the promise that is due next; `breached` names clocks that ran out."""

    case_id: UUID
    kind: Kind
    category: Category | None
    priority: Priority
    state: State
    owner: str | None
    team: str
    opened_at: datetime
    next_due_at: datetime | None
    next_clock: ClockName | None
    breached: list[ClockName]
    number: str | None


class CustomerCases(Document):
    """How many cases are `open`, those due first (50 at most), and how often cases of the customer changed."""

    open: int = Field(ge=0)
    items: list[OpenCase]
    changes: int = Field(ge=1)


class OpenTask(Document):
    """An open task. What it says is read with the task."""

    task_id: UUID
    case_id: UUID | None
    source: TaskSource
    owner: str | None
    team: str
    due_at: datetime
    remind_at: datetime | None
    overdue: bool


class CustomerTasks(Document):
    """How many tasks are `open`, those due first (50 at most), and how often tasks about the customer changed."""

    open: int = Field(ge=0)
    items: list[OpenTask]
    changes: int = Field(ge=1)


def _optional_parts(schema: dict[str, Any]) -> None:
    """Who may not read timelines gets no interactions, who never had a case or a task no cases and tasks, who was
    never asked no satisfaction; none is ever null.
    """
    for part in ("last_interactions", "cases", "tasks", "satisfaction"):
        schema["required"].remove(part)


class CustomerView(Document):
    """The unified view of one customer. `redirected_from` is the id asked for when it was merged into another.

    `last_interactions` are the newest five touchpoints over all channels.
    """

    model_config = ConfigDict(json_schema_extra=_optional_parts)

    customer_id: UUID
    customer_number: str
    redirected_from: UUID | None
    created_at: datetime
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    touchpoints: int = Field(ge=0)
    purchases: Purchases
    channels: dict[str, int]
    identifiers: list[Identifier]
    traits: dict[str, Trait]
    scores: Scores
    record: Record
    tags: list[CustomerTag]
    segments: list[CustomerSegment]
    lifecycle: LifecycleStage | None
    consents: dict[str, dict[str, Consent]]
    fragments: list[UUID]
    version: int
    last_interactions: list[TimelineItem]
    cases: CustomerCases
    tasks: CustomerTasks
    satisfaction: Satisfaction


class FoundCustomer(Document):
    """A customer that a look-up found."""

    customer_id: UUID
    customer_number: str


class FoundCustomers(Document):
    """The customers that have the identifier: none or one, for an identifier belongs to one person."""

    items: list[FoundCustomer]
    next_cursor: str | None
