"""What would merge if."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document
from guanxi_gateway.api.schemas.merges import Evidence

_Text = Annotated[str, Field(min_length=1, max_length=512)]
_Limit = Annotated[int, Field(ge=1, le=10_000)]
_Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}[smhd]$", examples=["24h"])]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SimulatedIdentifier(_Asked):
    """An identifier as a channel would send it; `verified`: its holder just proved to have it."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: _Text
    namespace: _Text | None = None
    verified: bool = False


class TouchpointToSimulate(_Asked):
    """A touchpoint that nobody sent; `customer_id` names the customer, as staff do."""

    identifiers: Annotated[list[SimulatedIdentifier], Field(max_length=32)]
    customer_id: UUID | None = None


class WouldMerge(Document):
    """Two customers that would become one, and by which identifier; null is one that it would found first."""

    customer_id: UUID | None
    absorbed_customer_id: UUID | None
    identifier: Evidence


class WouldRefuse(Document):
    """A link that would be refused, and why; `rule_type` is the identifier type whose limit it would pass."""

    identifier: Evidence
    reason: str
    rule_type: str | None


class WouldChange(Document):
    """What would happen to an identifier, and why."""

    identifier: Evidence
    kind: Literal["verified", "quarantined", "transferred", "rehomed"]
    reason: str


class WouldSuggest(Document):
    """Two customers whose merge would wait for a person, and which limit keeps them apart."""

    customer_ids: list[UUID]
    source: Literal["cluster_size", "merge_rate"]


class SimulatedTouchpoint(Document):
    """Where the touchpoint would go (null: it would found a customer), and what would come of it."""

    customer_id: UUID | None
    attached: list[Evidence]
    merges: list[WouldMerge]
    refused: list[WouldRefuse]
    changed: list[WouldChange]
    suggested: list[WouldSuggest]


class TypeChange(_Asked):
    """What to change about an identifier type, as in a pack; a `window` of null takes the window away."""

    limit: _Limit | None = None
    window: _Duration | None = None
    may_link: bool | None = None
    must_verify: bool | None = None
    weak: bool | None = None


class RateChange(_Asked):
    """Merges of one customer within a window of time."""

    limit: _Limit
    window: _Duration


class RulesToSimulate(_Asked):
    """What to change about the identity rules in force; all else stays.

    `merges_per_customer` of null takes that limit away.
    """

    types: Annotated[dict[str, TypeChange], Field(max_length=64)] = {}
    fragments_per_customer: _Limit | None = None
    merges_per_customer: RateChange | None = None


class QueuedJob(Document):
    """A job in the background; `GET /v1/jobs/{service}/{job_id}` tells how far it is, and its result."""

    service: Literal["profile"]
    job_id: UUID


_OLDER, _NEWER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37", "018f3a60-1a40-7b02-9d6f-3c1f8e2a7d55"
_PHONE, _TABLET = {"type": "phone", "value": "139****0001"}, {"type": "device_id", "value": "tablet-7"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "TouchpointToSimulate": {
        "identifiers": [
            {"type": "phone", "value": "13900000001", "verified": True},
            {"type": "device_id", "value": "tablet-7"},
        ]
    },
    "SimulatedTouchpoint": {
        "customer_id": _OLDER,
        "attached": [{"type": "email", "value": "n****@example.com"}],
        "merges": [{"customer_id": _OLDER, "absorbed_customer_id": _NEWER, "identifier": _TABLET}],
        "refused": [{"identifier": _PHONE, "reason": "limit", "rule_type": "member_number"}],
        "changed": [{"identifier": _PHONE, "kind": "quarantined", "reason": "limit"}],
        "suggested": [],
    },
    "RulesToSimulate": {
        "types": {"phone": {"limit": 3, "must_verify": True}, "device_id": {"window": "30d"}},
        "fragments_per_customer": 50,
    },
    "QueuedJob": {"service": "profile", "job_id": "7d3e5c0a-9c1b-4c57-8f43-0d0a4f7c2b11"},
}
