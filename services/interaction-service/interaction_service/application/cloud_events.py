"""CloudEvents 1.0 as messages: structured, batched and binary mode of the HTTP binding."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from hashlib import sha256
from urllib.parse import unquote

import msgspec

from interaction_service.application.message import (
    KINDS,
    UNREADABLE,
    Malformed,
    Message,
    Scalar,
    check_bounds,
    explain,
    read_message,
    read_object,
)
from interaction_service.domain.limits import MAX_BATCH_EVENTS, MAX_MESSAGE_ID
from interaction_service.domain.refusal import Refused
from interaction_service.domain.times import read_time

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
OWN = "guanxi."
"""Events of the types guanxi.identify, guanxi.track and so on carry a message of the Segment protocol as data."""
VERSION = "1.0"


class CloudEvent(msgspec.Struct, kw_only=True):
    """What is read of an event. `userid` and `anonymousid` are extensions; without either, `subject` is the user."""

    specversion: str | None = None
    id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None
    time: str | None = None
    userid: Scalar | None = None
    anonymousid: Scalar | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data_base64: str | None = None


_EVENT = msgspec.json.Decoder(CloudEvent)
_EVENTS = msgspec.json.Decoder(list[msgspec.Raw])
_ENCODE = msgspec.json.Encoder().encode
_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "userid", "anonymousid")


def split_batch(body: bytes) -> list[bytes]:
    """Return the events of a batch. Raises Malformed."""
    try:
        body.decode()
        events = _EVENTS.decode(body)
    except UNREADABLE as error:
        raise Malformed(*explain(error)) from None
    if not events:
        raise Malformed("", "is empty")
    if len(events) > MAX_BATCH_EVENTS:
        raise Malformed("", f"has more than {MAX_BATCH_EVENTS} events")
    return [bytes(event) for event in events]


def read_event(body: bytes) -> Message | Refused:
    """Return the message of one structured event, or why it is refused."""
    try:
        check_bounds(body)
        try:
            event = _EVENT.decode(body)
        except UNREADABLE as error:
            raise Refused(*explain(error)) from None
        return _message(event)
    except Refused as refused:
        return refused


def structured(headers: Iterable[tuple[bytes, bytes]], media_type: str, body: bytes) -> bytes:
    """Return an event whose attributes are headers in structured mode. Raises Malformed."""
    given: dict[str, str | msgspec.Raw] = {**_from_headers(headers)}
    if "specversion" not in given:
        raise Malformed(
            "Content-Type", f"must be {STRUCTURED} or {BATCHED}, or the attributes must stand in ce- headers"
        )
    if media_type:
        given["datacontenttype"] = media_type
    if body:
        try:
            msgspec.json.decode(body)
        except UNREADABLE as error:
            raise Malformed("data", explain(error)[1]) from None
        given["data"] = msgspec.Raw(body)
    return _ENCODE(given)


def _from_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    wanted = {b"ce-" + name.encode(): name for name in _ATTRIBUTES}
    found: Mapping[str, bytes] = {wanted[name]: value for name, value in headers if name in wanted}
    return {name: unquote(value.decode("latin-1")) for name, value in found.items()}


def _message(event: CloudEvent) -> Message:
    """Raises Refused."""
    if event.specversion != VERSION:
        raise Refused("specversion", f"must be {VERSION}")
    for field in ("id", "source", "type"):
        if not getattr(event, field):
            raise Refused(field, "is missing")
    assert event.id
    assert event.source
    assert event.type
    if any(character.isspace() for character in event.source):
        raise Refused("source", "must be a URI reference")
    if event.time is not None:
        read_time(event.time, "time")
    data = _data(event)
    kind = event.type.removeprefix(OWN)
    if event.type.startswith(OWN) and kind in KINDS:
        message = _within_data(event, kind, data)
    else:
        if data is not msgspec.UNSET:
            read_object(data, "data")
        message = Message(
            type="track",
            event=event.type,
            timestamp=event.time,
            properties=data,
            context=msgspec.Raw(_ENCODE({"cloudEvent": {"source": event.source, "subject": event.subject}})),
        )
    if message.user_id is None and message.anonymous_id is None:
        message.user_id, message.anonymous_id = _person(event)
    message.message_id = _message_id(event.source, event.id)
    return message


def _within_data(event: CloudEvent, kind: str, data: msgspec.Raw | msgspec.UnsetType) -> Message:
    """Return the message that an event carries. Raises Refused."""
    if data is msgspec.UNSET:
        raise Refused("data", "is missing")
    try:
        message = read_message(data)
    except Refused as refused:
        raise Refused(f"data.{refused.field}".strip("."), refused.reason) from None
    message.type = kind
    if message.timestamp is None and message.original_timestamp is None:
        message.timestamp = event.time
    return message


def _person(event: CloudEvent) -> tuple[Scalar | None, Scalar | None]:
    """Return the ids of user and visitor. Raises Refused."""
    user_id, anonymous_id = event.userid, event.anonymousid
    if user_id is None and anonymous_id is None:
        user_id = event.subject
    if user_id in (None, "") and anonymous_id in (None, ""):
        raise Refused("userid", "is missing, and so are anonymousid and subject")
    return user_id, anonymous_id


def _message_id(source: str, identity: str) -> str:
    """Return what names an event for ever: source and id together, as CloudEvents has it."""
    both = f"{source} {identity}"
    return both if len(both) <= MAX_MESSAGE_ID else sha256(both.encode()).hexdigest()


def _data(event: CloudEvent) -> msgspec.Raw | msgspec.UnsetType:
    """Return the data as JSON. Raises Refused for any other media type."""
    media_type = (event.datacontenttype or "application/json").partition(";")[0].strip().lower()
    if event.data is msgspec.UNSET and event.data_base64 is None:
        return msgspec.UNSET
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Refused("datacontenttype", "must be JSON")
    if event.data_base64 is None:
        return event.data
    try:
        plain = base64.b64decode(event.data_base64, validate=True)
    except binascii.Error:
        raise Refused("data_base64", "is not base64") from None
    check_bounds(plain)
    return msgspec.Raw(plain)
