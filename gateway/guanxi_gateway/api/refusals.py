"""Refused items: read, mended, replayed, discarded; and events that no pack names."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Limit
from guanxi_gateway.api.schemas.refusals import (
    EXAMPLES,
    MendedItem,
    RefusalSettled,
    RefusalState,
    RefusedContent,
    RefusedItemPage,
    UnknownEventPage,
)

_Cursor = Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")]
_NameCursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")]
_Channel = Annotated[
    str | None, Query(max_length=64, pattern=r"^[^\x00]*$", description="Only of this channel.")
]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **UPSTREAM_PROBLEMS,
    404: problem("There is no such refused item."),
}
_SETTLED: dict[int | str, dict[str, Any]] = {
    200: {"model": RefusalSettled},
    409: problem("It was replayed or discarded already."),
}


def refusals_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of refused items."""
    router = APIRouter(prefix="/v1", tags=["refusals"], responses=_PROBLEMS)
    _add_reads(router, services, allow)
    _add_settling(router, services, allow)
    return router


def _add_reads(router: APIRouter, services: Services, allow: Allow) -> None:
    interaction, reader = services.interaction, [Depends(allow("refusal.read"))]

    @router.get(
        "/refusals",
        summary="List refused items",
        dependencies=reader,
        responses={200: {"model": RefusedItemPage}},
    )
    async def list_refusals(
        request: Request,
        channel: _Channel = None,
        state: RefusalState | None = None,
        limit: Limit = None,
        cursor: _Cursor = None,
    ) -> Response:
        """Why each was refused, the newest first; kept for 30 days, or 7 where an item names nobody."""
        query = {"channel": channel, "state": state, "limit": limit, "cursor": cursor}
        return await forward(request, interaction, "/v1/refusals", query)

    @router.get(
        "/refusals/{refusal_id}",
        summary="Read a refused item",
        dependencies=reader,
        responses={200: {"model": RefusedContent}},
    )
    async def read_refusal(
        request: Request,
        refusal_id: UUID,
        *,
        clear: Annotated[bool, Query(description="Show values unmasked; needs `reason`.")] = False,
        reason: Annotated[str | None, Query(max_length=500, description="Why they have to be seen.")] = None,
    ) -> Response:
        """With what was sent, masked by role."""
        query = {"clear": "true" if clear else None, "reason": reason}
        return await forward(request, interaction, f"/v1/refusals/{refusal_id}", query)

    @router.get(
        "/event-names",
        summary="List events that no pack names",
        dependencies=reader,
        responses={200: {"model": UnknownEventPage}},
    )
    async def list_event_names(
        request: Request, channel: _Channel = None, limit: Limit = None, cursor: _NameCursor = None
    ) -> Response:
        """By channel and name, with how often they came; what violates its schema is listed as well."""
        query = {"channel": channel, "limit": limit, "cursor": cursor}
        return await forward(request, interaction, "/v1/event-names", query)


def _add_settling(router: APIRouter, services: Services, allow: Allow) -> None:
    interaction, writer = services.interaction, [Depends(allow("refusal.write"))]

    @router.post(
        "/refusals/{refusal_id}/replay",
        summary="Send a refused item again",
        dependencies=writer,
        responses=_SETTLED,
    )
    async def replay_refusal(
        request: Request,
        refusal_id: UUID,
        mended: Annotated[MendedItem | None, Body(examples=[EXAMPLES["MendedItem"]])] = None,
    ) -> Response:
        """As it is, or mended. It counts once, as if it came when it was refused; refused again it stays open."""
        return await forward_write(request, interaction, f"/v1/refusals/{refusal_id}/replay")

    @router.post(
        "/refusals/{refusal_id}/discard",
        summary="Discard a refused item",
        dependencies=writer,
        responses=_SETTLED,
    )
    async def discard_refusal(request: Request, refusal_id: UUID) -> Response:
        """It is of no use; who said so stays with it until it is removed."""
        return await forward_write(request, interaction, f"/v1/refusals/{refusal_id}/discard")
