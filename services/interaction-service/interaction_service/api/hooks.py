"""POST /v1/hooks/{channel}: what a channel sends in its own format, beside the ingest lane and by its rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from guanxi_kit.clock import Clock
from guanxi_kit.errors import Problem
from interaction_service.api.body import Disconnected, read_body
from interaction_service.api.ingest import Ingest, answer, count_outcome, malformed, not_stored
from interaction_service.api.write_key import from_authorization
from interaction_service.application.hooks import Hook, Hooks
from interaction_service.application.mapping import digest_of, written
from interaction_service.application.message import Malformed
from interaction_service.application.ports import Unavailable
from interaction_service.application.refusals import Origin
from interaction_service.application.signatures import BadSignature, HookRequest
from interaction_service.application.submission import Given, Outcome, Refusal, Submission
from interaction_service.domain.limits import MAX_BODY_BYTES
from interaction_service.domain.refusal import Refused

PREFIX = "/v1/hooks/"
ROUTE = "/v1/hooks/{channel}"
_MAX_QUERY = 32
Answer = tuple[bytes, str]


@dataclass(frozen=True, slots=True)
class HookDoor:
    """What the lane works with, in `app.state.hooks` while the application runs."""

    ingest: Ingest
    hooks: Hooks
    clock: Clock


class HookLane:
    """Middleware that serves webhooks and passes all else on. It raises Problem for the edge to answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        scope["guanxi.route"] = ROUTE
        if scope["method"] not in ("GET", "POST"):
            raise Problem(405, headers={"Allow": "GET, POST"})
        door: HookDoor = scope["app"].state.hooks
        try:
            body, media_type = await _serve(door, scope, receive)
        except Disconnected:
            return
        except Unavailable:
            raise not_stored() from None
        headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _serve(door: HookDoor, scope: Scope, receive: Receive) -> Answer:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = _query(scope)
    with door.ingest.admission.enter() as ticket:
        hook = await door.hooks.find(scope["path"].removeprefix(PREFIX))
        if hook is None:
            raise _unauthenticated("There is no such webhook.")
        if scope["method"] == "GET":
            return _greet(hook, HookRequest(headers, query, b"", door.clock.now()))
        if hook.verifier is None:
            await _check_write_key(door, hook, headers)
        # What is signed is the body as it was sent, so that no coding is undone here.
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Problem(415, detail="A webhook's body must not be compressed.")
        body = await read_body(receive, b"", MAX_BODY_BYTES, ticket, door.ingest.reading)
        if hook.verifier is not None:
            try:
                body = hook.verifier.open(HookRequest(headers, query, body, door.clock.now()))
            except BadSignature as error:
                raise _unauthenticated(f"The signature does not hold: {error}.") from None
        return await _take(door, hook, body, query)


async def _take(door: HookDoor, hook: Hook, body: bytes, query: dict[str, str]) -> Answer:
    try:
        items = hook.items(body, query)
    except Malformed as error:
        whole = Outcome(0, [Refusal(0, None, error.field, error.reason)])
        await door.ingest.refusals.keep(hook.channel, lambda _: (_body(body), None), whole)
        raise malformed(error, authenticated=True) from None
    mapped = await hook.messages(items)
    submission = Submission(messages=mapped.messages, by_any_identifier=True)

    def origin(index: int) -> tuple[Origin, Given]:
        return _item(hook, items[mapped.places[index]]), mapped.messages[index]

    keep = partial(door.ingest.refusals.keep, hook.channel, origin)
    outcome = await door.ingest.intake.accept(hook.channel, submission, keep)
    placed = [
        Refusal(mapped.places[one.index], one.message_id, one.field, one.reason) for one in outcome.refused
    ]
    outcome = Outcome(outcome.accepted, placed, outcome.quarantined)
    count_outcome(hook.channel.name, outcome, mapped.ignored)
    fixed = hook.document.respond
    if fixed is not None and (outcome.accepted or outcome.quarantined or not outcome.refused):
        return fixed.body.encode(), f"{fixed.media_type}; charset=utf-8"
    return answer(outcome, single=False, ignored=mapped.ignored), "application/json"


def _body(body: bytes) -> Origin:
    return Origin("body", body.decode("utf-8", "replace"))


def _item(hook: Hook, item: Any) -> Origin:
    """Return an item as it came, with what names its messages."""
    try:
        beside = hook.mapping.beside(item)
        return Origin("item", written(item).decode(), seed=digest_of(item), beside=beside)
    except Refused:
        return Origin("item", "")


def _greet(hook: Hook, request: HookRequest) -> Answer:
    """Answer the sender's question whether this is its address."""
    echo: bytes | None = None
    if hook.verifier is not None:
        try:
            echo = hook.verifier.greet(request)
        except BadSignature as error:
            raise _unauthenticated(f"The signature does not hold: {error}.") from None
    if echo is None:
        raise Problem(405, headers={"Allow": "POST"})
    return echo, "text/plain; charset=utf-8"


async def _check_write_key(door: HookDoor, hook: Hook, headers: dict[str, str]) -> None:
    key = from_authorization(headers.get("authorization", "").encode("latin-1"))
    channel = await door.ingest.channels.find(key)
    if channel is None or channel.channel_id != hook.channel.channel_id:
        raise _unauthenticated("The write key is not known.")


def _query(scope: Scope) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_QUERY
        )
    except ValueError:
        raise Problem(400, detail=f"The query has more than {_MAX_QUERY} parameters.") from None
    return dict(reversed(pairs))


def _unauthenticated(detail: str) -> Problem:
    return Problem(401, detail=detail, headers={"WWW-Authenticate": 'Signature realm="guanxi"'})
