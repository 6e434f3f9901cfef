"""Figures over all customers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas import examples
from guanxi_gateway.api.schemas.customer import RfmTier


class Tiers(BaseModel):
    """Number of customers by RFM tier."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TIERS]})

    tiers: dict[RfmTier, int]
    customers: int = Field(ge=0)


class Stats(BaseModel):
    """Totals of the platform."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.STATS]})

    customers: int = Field(ge=0)
    fragments: int = Field(ge=0)
    touchpoints: int = Field(ge=0)
    merges: int = Field(ge=0)
