"""Segments: saved rules with their members."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.classification import Evaluation, Labels, Rule, Slug
from guanxi_gateway.api.schemas.document import Document


class Segment(Document):
    """A saved rule and the exact number of customers for whom it holds."""

    name: str
    labels: Labels
    rule: Rule
    members: int = Field(ge=0)
    origin: Literal["pack", "api"]
    changed_at: datetime
    changed_by: str
    evaluation: Evaluation | None


class SegmentPage(Document):
    """Segments by name. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[Segment]
    next_cursor: str | None


class RuleRequest(BaseModel):
    """A rule to try out."""

    model_config = ConfigDict(extra="forbid")

    rule: Rule


class SegmentRequest(RuleRequest):
    """What a segment is to be."""

    labels: Labels


class NewSegment(SegmentRequest):
    """A new segment."""

    name: Slug


class PreviewedCustomer(Document):
    """A customer for whom a rule holds."""

    customer_id: UUID
    customer_number: str


class SegmentPreview(Document):
    """For how many customers a rule would hold now. Nothing is saved.

    `exact` up to 2,000 customers; among more, `sampled` of them were drawn at random, `matched` fit, and `low` and
    `high` hold the true number 95 times in 100. `sample` shows a few who fit.
    """

    exact: bool
    count: int = Field(ge=0)
    low: int = Field(ge=0)
    high: int = Field(ge=0)
    population: int = Field(ge=0)
    sampled: int = Field(ge=0)
    matched: int = Field(ge=0)
    sample: list[PreviewedCustomer]


class Member(Document):
    """A member of a segment, since when."""

    customer_id: UUID
    customer_number: str
    since: datetime


class MemberPage(Document):
    """Members by customer id, which is about the order in which they became customers."""

    items: list[Member]
    next_cursor: UUID | None


_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
_AT = "2024-05-01T08:00:00Z"
_CLUB: dict[str, Any] = {
    "and": [{"in": ["coffee_lover", {"var": "tags"}]}, {"<": [{"var": "days_since_last_seen"}, 30]}]
}
_SEGMENT: dict[str, Any] = {
    "name": "coffee_club",
    "labels": {"zh": "咖啡俱乐部", "en": "Coffee club"},
    "rule": _CLUB,
    "members": 1204,
    "origin": "pack",
    "changed_at": _AT,
    "changed_by": "pack",
    "evaluation": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Segment": _SEGMENT,
    "SegmentPage": {"items": [_SEGMENT], "next_cursor": None},
    "RuleRequest": {"rule": _CLUB},
    "SegmentRequest": {"labels": _SEGMENT["labels"], "rule": _CLUB},
    "NewSegment": {"name": "coffee_club", "labels": _SEGMENT["labels"], "rule": _CLUB},
    "SegmentPreview": {
        "exact": False,
        "count": 12_050,
        "low": 10_211,
        "high": 14_194,
        "population": 100_000,
        "sampled": 2000,
        "matched": 241,
        "sample": [{"customer_id": _CUSTOMER, "customer_number": "C20240501001"}],
    },
    "MemberPage": {
        "items": [{"customer_id": _CUSTOMER, "customer_number": "C20240501001", "since": _AT}],
        "next_cursor": None,
    },
}
