"""The content of a touchpoint as it is sealed: what profile-service and the timeline open again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from guanxi_kit.identifiers import Normalised
from interaction_service.application.message import JsonObject

Json = msgspec.Raw | JsonObject


class Unusable(msgspec.Struct, frozen=True):
    """An identifier as it was given, and why it identifies nobody."""

    type: str
    namespace: str
    value: Any
    reason: str


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person is in an organisation; `until` is when that ended, or will."""

    role: str | None = None
    until: datetime | None = None


class SealedContent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is sealed, as JSON.

    `identifiers` are the clear values in the order of the event's hashes, strongest first. `traits` are those of
    the person (of a group they stand in `group`). `properties` and `context` are as the sender wrote them.
    `enterprise` is the clear identifier of the organisation, `contact` what the person is there. `actor` is the member
    of staff who acted.
    """

    message_id: str
    identifiers: list[Normalised]
    unusable: list[Unusable] = []
    traits: Json | msgspec.UnsetType = msgspec.UNSET
    properties: Json | msgspec.UnsetType = msgspec.UNSET
    context: Json | msgspec.UnsetType = msgspec.UNSET
    category: str | None = None
    group: JsonObject | msgspec.UnsetType = msgspec.UNSET
    enterprise: Normalised | None = None
    contact: Contact | None = None
    actor: str | None = None


class OpenedContext(msgspec.Struct):
    """Of the context a timeline shows the page alone."""

    page: Any = None


class OpenedContent(msgspec.Struct, kw_only=True):
    """The part of the sealed content that a timeline shows; senders may write null for an object."""

    traits: JsonObject | None = None
    properties: JsonObject | None = None
    context: OpenedContext | None = None
    category: str | None = None
    group: JsonObject | None = None
    actor: str | None = None


_ENCODER = msgspec.json.Encoder()
_OPENED = msgspec.json.Decoder(OpenedContent)


def encode_content(content: SealedContent) -> bytes:
    """Return the JSON to seal."""
    return _ENCODER.encode(content)


def encode_json(value: JsonObject) -> msgspec.Raw:
    """Return a value as it stands in the content."""
    return msgspec.Raw(_ENCODER.encode(value))


def decode_content(plain: bytes) -> OpenedContent:
    """Read opened content. Raises msgspec.MsgspecError."""
    return _OPENED.decode(plain)
