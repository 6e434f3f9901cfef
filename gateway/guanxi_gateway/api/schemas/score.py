"""Scores of one customer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from guanxi_gateway.api.schemas.customer import RfmTier, RiskScore, ScoreReason
from guanxi_gateway.api.schemas.document import Document


class RfmDetail(Document):
    """Recency, frequency and money as classes 1 (worst) to 5 (best), 0 without a purchase; amounts in minor units."""

    tier: RfmTier
    recency: int = Field(ge=0, le=5)
    frequency: int = Field(ge=0, le=5)
    monetary: int = Field(ge=0, le=5)
    touchpoints: int = Field(ge=0)
    purchases: int = Field(ge=0)
    amount_minor: int
    currency: str
    first_purchase_at: datetime | None
    last_purchase_at: datetime | None
    revision: int
    computed_at: datetime
    reasons: list[ScoreReason]


class CustomerScores(Document):
    """All scores of a customer. `redirected_from` is the id asked for when a merge has replaced it.

    `risk` is null where the industry pack has no rules of it.
    """

    customer_id: UUID
    redirected_from: UUID | None
    rfm: RfmDetail
    risk: RiskScore | None
