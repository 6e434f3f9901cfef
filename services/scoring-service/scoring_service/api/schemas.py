"""Documents of the scoring API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

RiskLevel = Literal["low", "elevated", "high"]
TierName = Literal["high_value", "potential", "ordinary", "dormant"]


class WordsDocument(BaseModel):
    """A reason in Chinese and in English."""

    zh: str
    en: str


class ReasonDocument(BaseModel):
    """Why: a stable code and its figures; a signal of the risk in words, too."""

    code: str
    figures: dict[str, int | float | str]
    words: WordsDocument | None


class RfmDocument(BaseModel):
    """The RFM score. Classes run from 1 (worst) to 5 (best), 0 without a purchase; amounts are minor units."""

    tier: TierName
    recency: int = Field(ge=0, le=5)
    frequency: int = Field(ge=0, le=5)
    monetary: int = Field(ge=0, le=5)
    touchpoints: int
    purchases: int
    amount_minor: int
    currency: str
    first_purchase_at: datetime | None
    last_purchase_at: datetime | None
    revision: int
    computed_at: datetime
    reasons: list[ReasonDocument]


class RiskDocument(BaseModel):
    """The risk of losing the customer, over what went wrong or by silence, in points."""

    score: int = Field(ge=0, le=100)
    level: RiskLevel
    reasons: list[ReasonDocument]


class ScoresDocument(BaseModel):
    """All scores of a customer. `redirected_from` is the id asked for when a merge has replaced it.

    Without a risk where the pack has no rules of it.
    """

    customer_id: UUID
    redirected_from: UUID | None
    rfm: RfmDocument
    risk: RiskDocument | None


class TiersDocument(BaseModel):
    """Number of customers by tier, exact as of the last transaction."""

    tiers: dict[TierName, int]
    customers: int
