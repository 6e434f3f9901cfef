"""GET /v1/changes: the stream of changed customers."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request

from guanxi_gateway.api.documents import TOO_MANY, UPSTREAM_PROBLEMS
from guanxi_gateway.api.event_stream import EventStream
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.application.changes import Changes
from guanxi_gateway.application.event_ids import EventId, InvalidEventId, decode_event_id
from guanxi_kit.auth import InvalidToken, Principal, TokenVerifier
from guanxi_kit.errors import FieldError, Problem, unavailable
from guanxi_kit.jwks import JwksUnavailable

DESCRIPTION = """Server-sent events: `customer.changed` for each change of a customer's unified view, in order per
customer. The `id` of each event is where the stream stands after it: a client that comes back with it, in the header
`Last-Event-ID` or as `last_event_id`, gets each later change exactly once, from any replica, also after a restart.

Other events: `ready` (first; carries an id at once), `position` (nothing for this client, but the stream went on:
keep the id), `reset` (changes may be missing because the place is older than what is kept, or of another log: read
anew what is shown, then go on). Comments are heartbeats. A client that does not read is cut off and comes back by
itself.
"""
EXAMPLE = (
    "retry: 2000\nevent: ready\nid: AQAAAAAFAA\ndata: {}\n\n"
    'event: customer.changed\nid: AQAAAAAGAA\ndata: {"customer_id":"018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37",'
    '"changed":["touchpoints","purchases"],"changed_at":"2024-05-01T08:00:00.120000Z",'
    '"received_at":"2024-05-01T08:00:00.040000Z"}\n\n'
    ": heartbeat\n\n"
)
RESPONSES: dict[int | str, dict[str, Any]] = {
    429: TOO_MANY,
    503: UPSTREAM_PROBLEMS[503],
    200: {
        "description": "The stream; it does not end by itself.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
    },
}


def changes_router(changes: Changes, allow: Allow) -> APIRouter:
    """Return the route of the change stream."""
    router = APIRouter(tags=["changes"])

    @router.get(
        "/v1/changes",
        summary="Follow the changes of customers",
        description=DESCRIPTION,
        status_code=200,
        response_class=EventStream,
        responses=RESPONSES,
    )
    async def follow_changes(
        request: Request,
        principal: Annotated[Principal, Depends(allow("changes.read"))],
        customer_id: Annotated[UUID | None, Query(description="Only changes of this customer.")] = None,
        resume_header: Annotated[
            str | None,
            Header(alias="Last-Event-ID", description="The id of the last event that was handled."),
        ] = None,
        last_event_id: Annotated[
            str | None, Query(description="The same, for clients that cannot set the header.")
        ] = None,
    ) -> EventStream:
        place = _place(resume_header if resume_header is not None else last_event_id)
        if not changes.known:
            raise unavailable("The change stream is not connected to the event log yet.")
        if changes.clients >= changes.limits.clients:
            raise unavailable("Too many change streams are open.")
        return EventStream(
            changes.subscribe(place, customer_id).frames(),
            changes.client(),
            stopping=request.app.state.stopping,
            until=_until_refused(request, changes.limits.recheck_token),
            send_timeout=changes.limits.send_timeout,
        )

    return router


def _place(text: str | None) -> EventId | None:
    """Return where a client wants to resume; an empty id is what a browser sends before it had any."""
    if not text:
        return None
    try:
        return decode_event_id(text)
    except InvalidEventId as error:
        fault = FieldError("last_event_id", str(error))
        raise Problem(400, detail="The event id is not one of this stream.", errors=[fault]) from None


def _until_refused(request: Request, every: float) -> Callable[[], Coroutine[None, None, None]]:
    """Return a wait that ends when the caller's token is no longer valid: a stream must not outlive it."""
    token = request.headers["authorization"].partition(" ")[2].strip()
    verifier: TokenVerifier = request.app.state.verifier

    async def until() -> None:
        while True:
            await asyncio.sleep(every)
            try:
                await verifier.authenticate(token)
            except JwksUnavailable:
                continue
            except InvalidToken:
                return

    return until
