"""Channels, their declarations and dry runs; docs/capture.md describes declarations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from guanxi_gateway.api.schemas.document import Document

ChannelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_SecretName = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
_Secret = Annotated[str, Field(min_length=1, max_length=512)]
_Secrets = Annotated[dict[_SecretName, Annotated[list[_Secret], Field(max_length=3)]], Field(max_length=8)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChannelAsked(_Asked):
    """A declaration, written out or by the name of a ready-made one.

    Secrets that are not given stay as they are; several of one name hold together while one is being replaced.
    """

    template: str | None = Field(None, max_length=64)
    declaration: dict[str, Any] | None = None
    secrets: _Secrets = {}


class SampleAsked(_Asked):
    """A payload to try, or else the declaration's sample, with what declares its channel in place of what holds."""

    payload: str | None = Field(None, max_length=200_000, description="The body as the sender sends it.")
    headers: dict[str, str] = Field({}, max_length=64)
    query: dict[str, str] = Field({}, max_length=32)
    template: str | None = Field(None, max_length=64)
    declaration: dict[str, Any] | None = None
    secrets: _Secrets = {}


class Channel(Document):
    """A declared channel and what holds for it. `write_key` is shown once, when the channel is made."""

    name: str
    kind: str
    enabled: bool
    version: int = Field(ge=1)
    declaration: dict[str, Any]
    secrets: list[str] = Field(description="Names of the secrets that are set.")
    declared_by: str
    declared_at: datetime
    write_key: str | None


class ChannelPage(Document):
    """Declared channels by name: one page, for there are only so many."""

    items: list[Channel]
    next_cursor: None


class ChannelTemplate(Document):
    """A ready-made declaration of the pack."""

    name: str
    labels: dict[str, str]
    about: str
    secrets: list[str] = Field(description="Names of the secrets it needs.")
    declaration: dict[str, Any]


class ChannelTemplatePage(Document):
    """Ready-made declarations by name."""

    items: list[ChannelTemplate]
    next_cursor: None


class TrialIdentifier(Document):
    """An identifier that was found, in clear, as the sample gave it."""

    type: str
    namespace: str
    value: str


class TrialPurchase(Document):
    """What the touchpoint counts as, in minor units of the currency."""

    amount_minor: int
    currency: str
    quantity: int


class TrialTouchpoint(Document):
    """A touchpoint that would come of the sample."""

    kind: str
    name: str | None
    occurred_at: datetime
    message_id: str
    identifiers: list[TrialIdentifier]
    purchase: TrialPurchase | None
    properties: Any
    traits: Any


class TrialRefusal(Document):
    """A message of the sample that would be refused, by its item's place, from 0."""

    item: int
    message_id: str | None
    field: str
    reason: str


class Trial(Document):
    """What a sample would come to; nothing of it is stored. With a failed signature it is read as it stands."""

    signature: Literal["held", "failed", "not_checked"]
    signature_reason: str | None
    items: int
    ignored: int
    touchpoints: list[TrialTouchpoint]
    refused: list[TrialRefusal]


class HookTaken(Document):
    """What became of a payload; `ignored` items are of no interest. Channels may answer as their sender expects."""

    success: Literal[True]
    accepted: int
    refused: list[dict[str, Any]]
    ignored: int


_DECLARATION = {
    "kind": "pos",
    "verify": {
        "scheme": "hmac",
        "header": "x-signature",
        "template": "{timestamp}.{body}",
        "timestamp_header": "x-timestamp",
    },
    "decode": "json",
    "each": "sales",
    "when": [
        {
            "if": "status == 'paid'",
            "message": {
                "type": "track",
                "event": "'Order Completed'",
                "messageId": "join('-', ['sale', id])",
                "userId": "member.id",
                "timestamp": "epoch_time(paid_at)",
                "properties": {"order_id": "id", "revenue": "total"},
            },
        }
    ],
}
_CHANNEL = {
    "name": "till-7",
    "kind": "pos",
    "enabled": True,
    "version": 1,
    "declaration": _DECLARATION,
    "secrets": ["secret"],
    "declared_by": "ann@example.com",
    "declared_at": "2026-05-20T08:00:00Z",
    "write_key": None,
}
_TEMPLATE = {
    "name": "pos_sale",
    "labels": {"zh": "门店收银销售单", "en": "POS sales"},
    "about": "The till posts its sales.",
    "secrets": ["secret"],
    "declaration": _DECLARATION,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "ChannelAsked": {"declaration": _DECLARATION, "secrets": {"secret": ["a long random text"]}},
    "SampleAsked": {
        "payload": '{"sales": [{"id": "s-1", "status": "paid", "total": 42.5, "member": {"id": "m-1"}}]}',
        "template": "pos_sale",
    },
    "Channel": _CHANNEL,
    "ChannelPage": {"items": [_CHANNEL], "next_cursor": None},
    "ChannelTemplatePage": {"items": [_TEMPLATE], "next_cursor": None},
    "Trial": {
        "signature": "not_checked",
        "signature_reason": None,
        "items": 1,
        "ignored": 0,
        "touchpoints": [
            {
                "kind": "track",
                "name": "Order Completed",
                "occurred_at": "2026-05-20T08:00:00Z",
                "message_id": "sale-s-1",
                "identifiers": [{"type": "user_id", "namespace": "", "value": "m-1"}],
                "purchase": {"amount_minor": 4250, "currency": "CNY", "quantity": 1},
                "properties": {"order_id": "s-1", "revenue": 42.5},
                "traits": None,
            }
        ],
        "refused": [],
    },
    "HookTaken": {"success": True, "accepted": 1, "refused": [], "ignored": 0},
}
