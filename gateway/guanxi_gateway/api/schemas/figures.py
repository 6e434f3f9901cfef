"""Figures over all customers."""

from __future__ import annotations

from pydantic import Field

from guanxi_gateway.api.schemas.customer import RfmTier
from guanxi_gateway.api.schemas.document import Document


class Tiers(Document):
    """Number of customers by RFM tier."""

    tiers: dict[RfmTier, int]
    customers: int = Field(ge=0)


class Stats(Document):
    """Totals of the platform."""

    customers: int = Field(ge=0)
    fragments: int = Field(ge=0)
    touchpoints: int = Field(ge=0)
    merges: int = Field(ge=0)
