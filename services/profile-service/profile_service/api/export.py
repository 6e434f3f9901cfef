"""Everything that profile-service has of a person, for the person."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from guanxi_kit.audit import Reading, cleared
from guanxi_kit.errors import Problem
from guanxi_kit.exporting import MEDIA_TYPE
from profile_service.adapters.customer_export import export_lines
from profile_service.api.customers import State

router = APIRouter(tags=["privacy"])
ExportReading = Annotated[Reading, cleared("privacy.read", "export")]


@router.get(
    "/v1/customers/{customer_id}/export",
    summary="Everything of a person, one document a line",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_export(customer_id: UUID, state: State, reading: ExportReading) -> StreamingResponse:
    """In clear: it is for the person. Any id the customer ever had will do."""
    async with state.reads() as reads:
        found = await reads.siblings([customer_id])
    if customer_id not in found:
        raise Problem(404, detail="There is no such customer.")
    _, members = found[customer_id]
    await reading.of(members)
    return StreamingResponse(export_lines(state.database, state.keyring, members), media_type=MEDIA_TYPE)
