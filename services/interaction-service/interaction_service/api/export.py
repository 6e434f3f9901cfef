"""Everything that interaction-service has of a person, for the person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from guanxi_kit.audit import Reading, cleared
from guanxi_kit.exporting import MEDIA_TYPE, export_line
from interaction_service.application.ports import TimelineRow
from interaction_service.application.timeline import ReadTimeline, ids_of

router = APIRouter(tags=["privacy"])


class Export(Protocol):
    """Whatever else than the timeline is kept of persons."""

    def export(self, people: Sequence[UUID]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
        """Yield pages: the section's name and its items."""
        ...


ExportReading = Annotated[Reading, cleared("privacy.read", "export")]


@router.get(
    "/v1/customers/{customer_id}/export",
    summary="All there is of a person - touchpoints, moments, cases, contacts, tasks, surveys - one a line",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_export(customer_id: UUID, request: Request, reading: ExportReading) -> StreamingResponse:
    """In clear: it is for the person. Nothing for an id that is not known here."""
    timeline: ReadTimeline = request.app.state.timeline
    kept: Sequence[Export] = request.app.state.exports
    people = ids_of(await timeline.fragments(customer_id))
    await reading.of(people)
    return StreamingResponse(_lines(timeline, customer_id, kept, people), media_type=MEDIA_TYPE)


async def _lines(
    timeline: ReadTimeline,
    customer_id: UUID,
    kept: Sequence[Export],
    people: list[UUID],
) -> AsyncIterator[bytes]:
    async for page in timeline.export(customer_id):
        yield b"".join(export_line("touchpoints", _item(row, content)) for row, content in page)
    moments = await timeline.moments(customer_id)
    for moment in moments[0] if moments else ():
        ends = {"first_at": moment.first.occurred_at, "last_at": moment.last.occurred_at}
        yield export_line("moments", {"moment": moment.name, **ends})
    for part in kept if people else ():
        async for section, items in part.export(people):
            yield b"".join(export_line(section, item) for item in items)


def _item(row: TimelineRow, content: msgspec.Raw | None) -> dict[str, Any]:
    return {
        "touchpoint_id": row.touchpoint_id,
        "profile_id": row.profile_id,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "channel": row.channel,
        "kind": row.kind,
        "name": row.name,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "quantity": row.quantity,
        "content": content,
    }
