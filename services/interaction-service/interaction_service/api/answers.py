"""What endpoints answer alike: documents, the fault of a field, an id that is no customer's."""

from __future__ import annotations

from uuid import UUID

import msgspec
from fastapi import Request, Response

from guanxi_kit.errors import FieldError, Problem
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


async def people_of(request: Request, customer_id: UUID) -> list[UUID]:
    """Return the fragments of the customer that an id belongs to now. Raises Problem where it is nobody's."""
    timeline: ReadTimeline = request.app.state.timeline
    people = ids_of(await timeline.fragments(customer_id))
    if not people:
        raise no_customer()
    return people
