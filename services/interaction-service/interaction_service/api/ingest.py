"""The ingest lane: a bare ASGI path beside the framework, because every touchpoint of every channel passes here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import msgspec
from prometheus_client import Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from guanxi_contracts.touchpoint import TouchpointKind
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.telemetry import METRICS
from interaction_service.api.admission import Admission
from interaction_service.api.body import Disconnected, read_body
from interaction_service.api.write_key import checked, from_authorization, unauthenticated
from interaction_service.application import cloud_events
from interaction_service.application.deadlines import Deadlines
from interaction_service.application.intake import Intake
from interaction_service.application.message import (
    KINDS,
    Envelope,
    Malformed,
    MessageHead,
    read_envelope,
    read_object,
    read_single,
)
from interaction_service.application.ports import Channel, Channels, Unavailable
from interaction_service.application.refusals import Origin, Refusals
from interaction_service.application.submission import Given, Outcome, Refusal, Submission
from interaction_service.domain.limits import (
    MAX_BATCH_EVENTS,
    MAX_BODY_BYTES,
    MAX_EVENT_BYTES,
    MAX_SHARED_CONTEXT_BYTES,
)
from interaction_service.domain.refusal import Refused
from interaction_service.domain.times import read_time

PATHS: Mapping[str, TouchpointKind | None] = {
    **{f"/v1/{name}": kind for name, kind in KINDS.items()},
    "/v1/batch": None,
    "/v1/import": None,
    "/v1/cloudevents": None,
}
_CLOUD_EVENTS = "/v1/cloudevents"
_HISTORICAL = "/v1/import"
_ENCODE = msgspec.json.Encoder().encode
_SHOWN_ERRORS = 100

INGESTED = Counter(
    "guanxi_ingested",
    "Messages of answered ingest requests.",
    ("channel", "outcome"),
    registry=METRICS.registry,
)


@dataclass(frozen=True, slots=True)
class Ingest:
    """What the lane works with, in `app.state.ingest` while the application runs."""

    intake: Intake
    channels: Channels
    refusals: Refusals
    admission: Admission
    reading: Deadlines


class IngestLane:
    """Middleware that serves the ingest paths and passes all else on. It raises Problem for the edge to answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        scope["guanxi.route"] = path
        if scope["method"] != "POST":
            raise Problem(405, headers={"Allow": "POST"})
        ingest: Ingest = scope["app"].state.ingest
        try:
            outcome, single = await _serve(ingest, path, scope, receive)
        except Disconnected:
            return
        except Unavailable:
            raise not_stored() from None
        body = answer(outcome, single=single)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _serve(ingest: Ingest, path: str, scope: Scope, receive: Receive) -> tuple[Outcome, bool]:
    """Return what became of the messages, and whether the request is for one alone."""
    authorization = encoding = media_type = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"content-encoding":
            encoding = value.strip().lower()
        elif name == b"content-type":
            media_type = value.partition(b";")[0].strip().lower()
    kind = PATHS[path]
    single = kind is not None or (path == _CLOUD_EVENTS and media_type != cloud_events.BATCHED.encode())
    limit = MAX_EVENT_BYTES if single else MAX_BODY_BYTES
    with ingest.admission.enter() as ticket:
        channel: Channel | None = None
        if authorization:
            channel = await _channel(ingest.channels, from_authorization(authorization))
        body = await read_body(receive, encoding, limit, ticket, ingest.reading)
        events: list[bytes] | None = None
        try:
            if path == _CLOUD_EVENTS:
                write_key = None
                submission, events = _read_events(scope, media_type.decode("latin-1"), body)
            else:
                write_key, submission = _read(path, kind, body)
        except Malformed as error:
            raise malformed(error, authenticated=channel is not None) from None
        if channel is None:
            channel = await _channel(ingest.channels, checked(write_key))
        keep = partial(ingest.refusals.keep, channel, partial(_origin, submission, events))
        outcome = await ingest.intake.accept(channel, submission, keep)
    count_outcome(channel.name, outcome)
    return outcome, single


@cache
def _series(channel: str) -> tuple[Counter, Counter]:
    # Looking a series up by its labels costs more than counting on it.
    return INGESTED.labels(channel, "accepted"), INGESTED.labels(channel, "refused")


def count_outcome(channel: str, outcome: Outcome, ignored: int = 0) -> None:
    """Count the messages of an answered request, and the items that no rule of a channel is for."""
    accepted, refused = _series(channel)
    accepted.inc(outcome.accepted + len(outcome.quarantined))
    if outcome.refused:
        refused.inc(len(outcome.refused))
    if ignored:
        INGESTED.labels(channel, "ignored").inc(ignored)


def _read(path: str, kind: TouchpointKind | None, body: bytes) -> tuple[str | None, Submission]:
    """Return the write key in the body and its messages. Raises Malformed."""
    if kind is not None:
        return read_single(body).write_key, Submission(messages=[body], kind=kind)
    envelope = read_envelope(body)
    try:
        return envelope.write_key, _submission(envelope, historical=path == _HISTORICAL)
    except Refused as error:
        raise Malformed(error.field, error.reason) from None


def _read_events(scope: Scope, media_type: str, body: bytes) -> tuple[Submission, list[bytes]]:
    """Return the messages of CloudEvents, and the events as they came. Raises Malformed."""
    if media_type == cloud_events.BATCHED:
        events = cloud_events.split_batch(body)
        return Submission(messages=[cloud_events.read_event(event) for event in events]), events
    if media_type != cloud_events.STRUCTURED:
        body = cloud_events.structured(scope["headers"], media_type, body)
    return Submission(messages=[cloud_events.read_event(body)]), [body]


def _origin(submission: Submission, events: list[bytes] | None, index: int) -> tuple[Origin, Given]:
    """Return a message as it came, with what the request said about it."""
    given = submission.messages[index]
    if events is not None:
        return Origin("event", events[index].decode("utf-8", "replace")), given
    assert not isinstance(given, MessageHead | Refused)
    context = submission.context
    origin = Origin(
        way="message",
        text=bytes(given).decode("utf-8", "replace"),
        kind=submission.kind,
        historical=submission.historical,
        sent_at=submission.sent_at,
        context=None if context is msgspec.UNSET else bytes(context).decode("utf-8", "replace"),
    )
    return origin, given


def _submission(envelope: Envelope, *, historical: bool) -> Submission:
    if not envelope.batch:
        raise Malformed("batch", "is empty")
    if len(envelope.batch) > MAX_BATCH_EVENTS:
        raise Malformed("batch", f"has more than {MAX_BATCH_EVENTS} messages")
    if envelope.context is not msgspec.UNSET:
        if memoryview(envelope.context).nbytes > MAX_SHARED_CONTEXT_BYTES:
            raise Malformed("context", f"is larger than {MAX_SHARED_CONTEXT_BYTES} bytes")
        read_object(envelope.context, "context")
    return Submission(
        messages=envelope.batch,
        sent_at=None if envelope.sent_at is None else read_time(envelope.sent_at, "sentAt"),
        context=envelope.context,
        historical=historical,
    )


async def _channel(channels: Channels, write_key: str) -> Channel:
    channel = await channels.find(write_key)
    if channel is None:
        raise unauthenticated("The write key is not known.")
    return channel


def malformed(error: Malformed, *, authenticated: bool) -> Problem:
    """Describe the body's fault to a known channel only; without any credential it is the credential that lacks."""
    if not authenticated:
        return unauthenticated("A channel's write key is needed.")
    return Problem(
        400,
        detail="The request body cannot be read.",
        type="urn:guanxi:problem:malformed",
        errors=[FieldError(error.field or "body", error.reason)],
    )


def not_stored() -> Problem:
    """Return the answer when the event log or the channels are away."""
    return Problem(
        503,
        detail="The touchpoints could not be taken now; send them again.",
        type="urn:guanxi:problem:not-stored",
        headers={"Retry-After": "2"},
    )


def answer(outcome: Outcome, *, single: bool, ignored: int | None = None) -> bytes:
    """Return the body of a success; `ignored` items are of no interest. Raises Problem when all were refused."""
    aside = len(outcome.quarantined)
    if outcome.accepted or aside or not outcome.refused:
        document = {"success": True, "accepted": outcome.accepted + aside, "refused": outcome.refused}
        return _ENCODE(document if ignored is None else {**document, "ignored": ignored})
    extra: dict[str, Any] = {} if single else {"refused": outcome.refused}
    raise Problem(
        400,
        detail="No message was accepted.",
        type="urn:guanxi:problem:refused",
        errors=[_field_error(refusal, single=single) for refusal in outcome.refused[:_SHOWN_ERRORS]],
        extra=extra,
    )


def _field_error(refusal: Refusal, *, single: bool) -> FieldError:
    if single:
        return FieldError(refusal.field or "body", refusal.reason)
    place = f"batch.{refusal.index}"
    return FieldError(f"{place}.{refusal.field}" if refusal.field else place, refusal.reason)
