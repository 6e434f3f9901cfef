"""What endpoints answer alike: documents, the fault of a field, an id that is no customer's."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from fastapi import Request, Response

from guanxi_kit.errors import FieldError, Problem
from interaction_service.application.ports import Fragment
from interaction_service.application.timeline import ReadTimeline, ids_of

_ENCODE = msgspec.json.Encoder().encode


def json_of(document: object) -> Response:
    """Return an answer."""
    return Response(_ENCODE(document), media_type="application/json")


def wrong(field: str, reason: str) -> Problem:
    """Return the problem of a field."""
    return Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)])


def no_customer() -> Problem:
    """Return the problem of an id that is no customer's."""
    return Problem(404, detail="There is no customer with this id.")


async def known_fragments(request: Request, customer_id: UUID) -> Sequence[Fragment]:
    """Return the fragments of the customer that an id belongs to now. Raises Problem where it is nobody's."""
    timeline: ReadTimeline = request.app.state.timeline
    fragments = await timeline.fragments(customer_id)
    if not fragments:
        raise no_customer()
    return fragments


async def people_of(request: Request, customer_id: UUID) -> list[UUID]:
    """Return the ids of `known_fragments`. Raises Problem."""
    return ids_of(await known_fragments(request, customer_id))
