"""Figures over all customers."""

from __future__ import annotations

from pydantic import BaseModel, Field

from guanxi_gateway.api.schemas.customer import RfmTier


class Tiers(BaseModel):
    """Number of customers by RFM tier."""

    tiers: dict[RfmTier, int]
    customers: int = Field(ge=0)


class Stats(BaseModel):
    """Totals of the platform."""

    customers: int = Field(ge=0)
    fragments: int = Field(ge=0)
    touchpoints: int = Field(ge=0)
    merges: int = Field(ge=0)
