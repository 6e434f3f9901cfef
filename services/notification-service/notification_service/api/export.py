"""Everything that notification-service has of a person, for the person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from guanxi_kit.audit import Reading, cleared
from guanxi_kit.db import Database
from guanxi_kit.exporting import MEDIA_TYPE, export_line
from notification_service.adapters.export_reads import enrolments, messages, notices
from notification_service.api.messages import fragments_of

router = APIRouter(tags=["privacy"])
ExportReading = Annotated[Reading, cleared("privacy.read", "export")]


@router.get(
    "/v1/customers/{customer_id}/export",
    summary="A person's messages and journeys, one document a line",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_export(customer_id: UUID, request: Request, reading: ExportReading) -> StreamingResponse:
    """Nothing for an id that is not known here."""
    people = await fragments_of(request, customer_id)
    await reading.of(people)
    return StreamingResponse(_lines(request.app.state.database, people), media_type=MEDIA_TYPE)


async def _lines(database: Database, people: list[UUID]) -> AsyncIterator[bytes]:
    async for page in messages(database, people):
        yield b"".join(export_line("messages", message) for message in page)
    for enrolment in await enrolments(database, people):
        yield export_line("journeys", enrolment)
    for notice in await notices(database, people):
        yield export_line("staff_notices", notice)
