"""A message of the Segment protocol, as channel systems send it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from guanxi_contracts.touchpoint import TouchpointKind
from interaction_service.domain.limits import MAX_DEPTH, MAX_EVENT_BYTES, MAX_MESSAGE_ID, MAX_NAME
from interaction_service.domain.refusal import Refused

KINDS: dict[str, TouchpointKind] = {
    "identify": "identify",
    "track": "track",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
}

JsonObject = dict[str, Any]
Scalar = str | int


class MessageHead(msgspec.Struct, rename="camel", kw_only=True):
    """What every message has beside its objects."""

    type: str | None = None
    message_id: str | None = None
    user_id: Scalar | None = None
    anonymous_id: Scalar | None = None
    previous_id: Scalar | None = None
    group_id: Scalar | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None


class Message(MessageHead, kw_only=True):
    """One message. Content that only the reader of a timeline needs stays as the sender wrote it."""

    properties: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    traits: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Draft(MessageHead, kw_only=True):
    """A message that was never JSON: its objects hold what JSON can hold and nothing else.

    `time` is in UTC; `person` are the person's traits, whatever the kind, and go before those of the context.
    """

    time: datetime | None = None
    person: JsonObject | None = None
    properties: JsonObject | msgspec.UnsetType = msgspec.UNSET
    traits: JsonObject | msgspec.UnsetType = msgspec.UNSET
    context: JsonObject | msgspec.UnsetType = msgspec.UNSET


class Envelope(msgspec.Struct, rename="camel", kw_only=True):
    """A batch of messages with what holds for all of them."""

    batch: list[msgspec.Raw]
    sent_at: str | None = None
    write_key: str | None = None
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Single(msgspec.Struct, rename="camel", kw_only=True):
    """What is read of a single message before its channel is known."""

    write_key: str | None = None


class Malformed(Exception):
    """The body as a whole cannot be read; `field` is empty when it is no JSON object at all."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


_MESSAGE = msgspec.json.Decoder(Message)
_ENVELOPE = msgspec.json.Decoder(Envelope)
_SINGLE = msgspec.json.Decoder(Single)
_OBJECT = msgspec.json.Decoder(JsonObject | None)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_PAIR = re.compile(rb"\{\}|\[\]")
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"')
BAD_NAME = f"must have at most {MAX_NAME} characters, none of them U+0000"
TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"


def read_envelope(body: bytes) -> Envelope:
    """Read the body of a batch. Raises Malformed."""
    try:
        body.decode()
        return _ENVELOPE.decode(body)
    except UNREADABLE as error:
        raise Malformed(*explain(error)) from None


def read_single(body: bytes) -> Single:
    """Read what holds for the body of a single message. Raises Malformed."""
    try:
        body.decode()
        return _SINGLE.decode(body)
    except UNREADABLE as error:
        raise Malformed(*explain(error)) from None


def read_message(raw: msgspec.Raw | bytes) -> Message:
    """Read one message. Raises Refused."""
    text = bytes(raw)
    check_bounds(text)
    try:
        message = _MESSAGE.decode(text)
    except UNREADABLE as error:
        raise Refused(*explain(error)) from None
    check_names(message)
    return message


def check_bounds(text: bytes) -> None:
    """Refuse JSON that is too large or nested too deeply. Raises Refused."""
    if len(text) > MAX_EVENT_BYTES:
        raise Refused("", f"is larger than {MAX_EVENT_BYTES} bytes")
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH:
        check_depth(text)


def check_names(message: MessageHead) -> None:
    """Refuse ids and names that are too long. Raises Refused."""
    if message.message_id is not None and len(message.message_id) > MAX_MESSAGE_ID:
        raise Refused("messageId", f"is longer than {MAX_MESSAGE_ID} characters")
    if message.event is not None and (len(message.event) > MAX_NAME or "\0" in message.event):
        raise Refused("event", BAD_NAME)
    if message.name is not None and (len(message.name) > MAX_NAME or "\0" in message.name):
        raise Refused("name", BAD_NAME)


def read_object(raw: msgspec.Raw | JsonObject | msgspec.UnsetType, field: str) -> JsonObject:
    """Decode an optional JSON object of a message, absent as empty. Raises Refused."""
    if isinstance(raw, dict):
        return raw
    if raw is msgspec.UNSET:
        return {}
    try:
        return _OBJECT.decode(raw) or {}
    except UNREADABLE as error:
        inner, reason = explain(error)
        raise Refused(f"{field}.{inner}" if inner else field, reason) from None


def explain(error: Exception) -> tuple[str, str]:
    """Return the field to blame and the reason of a decoding error, without any value."""
    if isinstance(error, RecursionError):
        return "", TOO_DEEP
    if isinstance(error, UnicodeDecodeError):
        return "", "must be UTF-8"
    reason, _, path = str(error).partition(" - at `")
    if not isinstance(error, msgspec.ValidationError):
        return "", f"is not valid JSON ({reason})"
    missing = reason.removeprefix("Object missing required field `")
    if missing != reason:
        return missing.rstrip("`"), "is missing"
    expected, _, found = reason.removeprefix("Expected ").partition(", got ")
    reason = f"must be {expected.replace('`', '')}, found {found.replace('`', '')}" if found else reason
    return path.rstrip("`").removeprefix("$").removeprefix("."), reason


def check_depth(text: bytes) -> None:
    """Refuse JSON nested too deeply; worth calling only where there are enough brackets for it."""
    if not _is_shallow(text) and not _is_shallow(_TEXTS.sub(b"", text)):
        raise Refused("", TOO_DEEP)


def _is_shallow(text: bytes) -> bool:
    """True when the brackets of `text`, also those within texts, cancel out in MAX_DEPTH rounds."""
    brackets = text.translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = _PAIR.sub(b"", brackets)
    return not brackets
