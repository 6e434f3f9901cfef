"""GET /v1/messages?customer_id="""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from guanxi_kit.audit import Reading, masked
from guanxi_kit.db import Database
from guanxi_kit.errors import FieldError, Problem
from notification_service.adapters.message_reader import PostgresMessageReader
from notification_service.api.schemas import MessageDocument, MessagesDocument
from notification_service.application.queries import Place, message_page

router = APIRouter()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@router.get("/v1/messages", tags=["messages"])
async def read_messages(
    request: Request,
    customer_id: UUID,
    reading: Annotated[Reading, masked("message.read", "messages")],
    *,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> MessagesDocument:
    """Return what was sent to a customer, what was not, and why; under the surviving id after a merge."""
    after = None if cursor is None else _decode(cursor)
    database: Database = request.app.state.database
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        page = await message_page(PostgresMessageReader(connection), customer_id, after, limit)
    await reading.of(page.people)
    return MessagesDocument(
        customer_id=page.customer_id,
        redirected_from=customer_id if customer_id != page.customer_id else None,
        items=[MessageDocument.model_validate(message) for message in page.items],
        next_cursor=None if page.next is None else _encode(page.next),
    )


async def fragments_of(request: Request, customer_id: UUID) -> list[UUID]:
    """Return the fragments of the customer that an id belongs to now."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        reader = PostgresMessageReader(connection)
        return await reader.fragments_of(await reader.customer_of(customer_id) or customer_id)


def _encode(place: Place) -> str:
    micros = (place.planned_at - _EPOCH) // _MICROSECOND
    return (
        base64.urlsafe_b64encode(micros.to_bytes(8, "big", signed=True) + place.send_id.bytes)
        .decode()
        .rstrip("=")
    )


def _decode(cursor: str) -> Place:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        micros = int.from_bytes(raw[:8], "big", signed=True)
        return Place(_EPOCH + micros * _MICROSECOND, UUID(bytes=raw[8:]))
    except (binascii.Error, ValueError, OverflowError):
        raise Problem(
            400,
            detail="The cursor is not one this list gave out.",
            errors=[FieldError("cursor", "is not valid")],
        ) from None
