"""GET /v1/messages?customer_id="""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from guanxi_kit.audit import Reading, masked
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.db import Database
from notification_service.adapters.message_reader import PostgresMessageReader
from notification_service.api.schemas import MessageDocument, MessagesDocument
from notification_service.application.queries import Place, message_page

router = APIRouter()


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
    after = None if cursor is None else Place(*decode_cursor(cursor))
    database: Database = request.app.state.database
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        page = await message_page(PostgresMessageReader(connection), customer_id, after, limit)
    await reading.of(page.people)
    return MessagesDocument(
        customer_id=page.customer_id,
        redirected_from=customer_id if customer_id != page.customer_id else None,
        items=[MessageDocument.model_validate(message) for message in page.items],
        next_cursor=None if page.next is None else encode_cursor(*page.next),
    )


async def fragments_of(request: Request, customer_id: UUID) -> list[UUID]:
    """Return the fragments of the customer that an id belongs to now."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        reader = PostgresMessageReader(connection)
        return await reader.fragments_of(await reader.customer_of(customer_id) or customer_id)
