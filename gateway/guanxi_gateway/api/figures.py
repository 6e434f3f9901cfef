"""Figures over all customers."""

from fastapi import APIRouter, Depends, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import forward
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.schemas.figures import Stats, Tiers


def figures_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of figures."""
    router = APIRouter(prefix="/v1", tags=["figures"], responses=UPSTREAM_PROBLEMS)
    permitted = [Depends(allow("stats.read"))]

    @router.get(
        "/tiers",
        summary="Count customers by RFM tier",
        dependencies=permitted,
        responses={200: {"model": Tiers}},
    )
    async def read_tiers(request: Request) -> Response:
        """Exact as of the last transaction."""
        return await forward(request, services.scoring, "/v1/tiers")

    @router.get(
        "/stats",
        summary="Count customers, fragments, touchpoints and merges",
        dependencies=permitted,
        responses={200: {"model": Stats}},
    )
    async def read_stats(request: Request) -> Response:
        """Totals of the platform."""
        return await forward(request, services.profile, "/v1/stats")

    return router
