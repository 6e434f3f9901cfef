"""Everything that scoring-service has of a person, for the person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from guanxi_kit.audit import Reading, cleared
from guanxi_kit.exporting import MEDIA_TYPE, export_line
from scoring_service.adapters.export_reads import PostgresExportReads
from scoring_service.api.scores import State, fragments_of
from scoring_service.api.state import ApiState

router = APIRouter(tags=["privacy"])
ExportReading = Annotated[Reading, cleared("privacy.read", "export")]


@router.get(
    "/v1/customers/{customer_id}/export",
    summary="A person's figures and score, one document a line",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_export(
    customer_id: UUID, request: Request, state: State, reading: ExportReading
) -> StreamingResponse:
    """Nothing for an id that is not known here."""
    people = await fragments_of(request, customer_id)
    await reading.of(people)
    return StreamingResponse(_lines(state, people), media_type=MEDIA_TYPE)


async def _lines(state: ApiState, people: list[UUID]) -> AsyncIterator[bytes]:
    async with state.database.connection() as connection:
        reads = PostgresExportReads(connection)
        found = [
            ("figures", await reads.features(people)),
            ("case_figures", await reads.cases(people)),
            ("rfm_scores", await reads.scores(people)),
        ]
    for section, items in found:
        yield b"".join(export_line(section, item) for item in items)
