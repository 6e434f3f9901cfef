"""Traits with their lineage, and what staff enter."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

Source = Literal["staff", "channel"]
Because = Literal["only", "precedence", "recency"]


class OtherValue(Document):
    """What a source says that is not believed; null where it says that there is none."""

    value: Any
    occurred_at: datetime
    channel: str
    source: Source
    touchpoint_id: UUID


class TraitLineage(Document):
    """A value, since when its source tells it, when it told it last, why it is believed, and what others say."""

    value: Any
    occurred_at: datetime
    channel: str
    source: Source
    because: Because
    since_at: datetime
    touchpoint_id: UUID
    profile_id: UUID
    others: list[OtherValue]


class CustomerTraits(Document):
    """The traits of a customer, as of a moment where one was asked for."""

    customer_id: UUID
    as_of: datetime | None
    traits: dict[str, TraitLineage]


class TraitChange(Document):
    """From `occurred_at` on this source told this value; null says that there is none any more."""

    value: Any
    occurred_at: datetime
    recorded_at: datetime
    channel: str
    source: Source
    touchpoint_id: UUID
    profile_id: UUID


class TraitHistory(Document):
    """Changes of one trait, the newest first. `next_cursor` asks for the page behind this one; null on the last."""

    items: list[TraitChange]
    next_cursor: str | None


class EnteredIdentifier(Document):
    """An identifier of the person, as people write it; `verified` when its holder proved to have it."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(min_length=1, max_length=512)]
    namespace: Annotated[str, Field(max_length=512)] = ""
    verified: bool = False


class EnteredEnterprise(Document):
    """The organisation that the person acts for, by its account id; what the person is there, and until when."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=512)]
    role: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    until: AwareDatetime | None = None


class CustomerEdit(BaseModel):
    """What a member of staff enters about a customer: at least one of these. A trait of null is deleted."""

    model_config = ConfigDict(extra="forbid")

    traits: Annotated[dict[str, Any], Field(max_length=200)] = {}
    identifiers: Annotated[list[EnteredIdentifier], Field(max_length=64)] = []
    enterprise: EnteredEnterprise | None = None
    note: Annotated[str | None, Field(max_length=4000)] = None


class EditTaken(Document):
    """An edit that is durable; it takes effect within a second or so."""

    customer_id: UUID
    touchpoint_id: UUID
    occurred_at: datetime


_ID = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
_TOUCHPOINT = "4f0c2b7e-9d13-4a5c-8a27-61c0b4e9f8d2"
_CHANGE = {
    "value": "Wuhan",
    "occurred_at": "2024-05-01T07:58:12Z",
    "channel": "web",
    "source": "channel",
    "touchpoint_id": _TOUCHPOINT,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "CustomerTraits": {
        "customer_id": _ID,
        "as_of": None,
        "traits": {
            "city": {
                "value": "Shanghai",
                "occurred_at": "2024-05-02T09:00:00Z",
                "channel": "staff",
                "source": "staff",
                "because": "precedence",
                "since_at": "2024-05-02T09:00:00Z",
                "touchpoint_id": _TOUCHPOINT,
                "profile_id": _ID,
                "others": [_CHANGE],
            }
        },
    },
    "TraitHistory": {
        "items": [{**_CHANGE, "recorded_at": "2024-05-01T07:58:12.400000Z", "profile_id": _ID}],
        "next_cursor": None,
    },
    "CustomerEdit": {
        "traits": {"name": "Ada", "city": "Shanghai", "budget": None},
        "identifiers": [{"type": "phone", "value": "+44 7700 900123", "verified": True}],
        "enterprise": {"id": "engines", "role": "Purchasing"},
        "note": "called us about the invoice",
    },
    "EditTaken": {
        "customer_id": _ID,
        "touchpoint_id": _TOUCHPOINT,
        "occurred_at": "2024-05-02T09:00:00Z",
    },
}
