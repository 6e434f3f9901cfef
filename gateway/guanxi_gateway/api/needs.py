"""The need log."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Page
from guanxi_gateway.api.records import IdempotencyKey
from guanxi_gateway.api.schemas.needs import LoggedNeed, NeedLogging, NeedPage


def needs_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of the need log."""
    router = APIRouter(
        prefix="/v1/customers/{customer_id}/needs", tags=["needs"], responses=UPSTREAM_PROBLEMS
    )

    @router.post(
        "",
        summary="Log a need",
        dependencies=[Depends(allow("need.write"))],
        responses={200: {"model": LoggedNeed}},
    )
    async def log_need(
        request: Request, customer_id: UUID, asked: NeedLogging, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Stated by a customer, or not met, and why. It stands on the timeline as `Need Logged`."""
        return await forward_write(request, services.interaction, f"/v1/customers/{customer_id}/needs")

    @router.get(
        "",
        summary="List the needs of a customer",
        dependencies=[Depends(allow("case.read"))],
        responses={200: {"model": NeedPage}},
    )
    async def list_needs(request: Request, customer_id: UUID, page: Page, clear: Clear) -> Response:
        """The newest first, with those of everything that was merged into the customer."""
        path = f"/v1/customers/{customer_id}/needs"
        return await forward(request, services.interaction, path, {**page, **clear})

    return router
