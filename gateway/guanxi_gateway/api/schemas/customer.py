"""The unified view and what belongs to one customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas import examples


class Purchases(BaseModel):
    """Sum of all purchases. Money is in minor units (cents, fen) of `currency`."""

    count: int = Field(ge=0)
    amount_minor: int
    currency: str | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None


class Identifier(BaseModel):
    """One identifier of the customer; phone numbers and e-mail addresses are masked."""

    type: str
    value: str | None = None
    first_seen_at: datetime


class Trait(BaseModel):
    """A trait with the channel and the time it comes from; phone numbers and e-mail addresses are masked."""

    value: Any
    occurred_at: datetime
    channel: str


class ScoreReason(BaseModel):
    """Why a score is what it is: a stable code and the figures that go with it."""

    code: str
    figures: dict[str, float | int | str]


RfmTier = Literal["high_value", "potential", "ordinary", "dormant"]


class RfmScore(BaseModel):
    """Recency, frequency and money as classes from 1 (worst) to 5 (best), 0 without a purchase."""

    tier: RfmTier
    recency: int = Field(ge=0, le=5)
    frequency: int = Field(ge=0, le=5)
    monetary: int = Field(ge=0, le=5)
    computed_at: datetime
    reasons: list[ScoreReason] = []


class Scores(BaseModel):
    """The scores of a customer that were computed so far."""

    rfm: RfmScore | None = None


class CustomerView(BaseModel):
    """The unified view of one customer. `redirected_from` is the id asked for when it was merged into another."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CUSTOMER]})

    customer_id: UUID
    customer_number: str
    redirected_from: UUID | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    touchpoints: int = Field(ge=0)
    purchases: Purchases
    channels: dict[str, int]
    identifiers: list[Identifier]
    traits: dict[str, Trait]
    scores: Scores | None = None
    fragments: list[UUID]
    version: int


class FoundCustomer(BaseModel):
    """A customer that a look-up found."""

    customer_id: UUID
    customer_number: str


class FoundCustomers(BaseModel):
    """The customers that have the identifier: none or one, for an identifier belongs to one person."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FOUND]})

    items: list[FoundCustomer]
    next_cursor: str | None = None
