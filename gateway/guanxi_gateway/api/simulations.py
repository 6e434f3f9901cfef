"""What would merge if, before anything is changed."""

from fastapi import APIRouter, Depends, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.schemas.simulations import (
    QueuedJob,
    RulesToSimulate,
    SimulatedTouchpoint,
    TouchpointToSimulate,
)


def simulations_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of simulations."""
    router = APIRouter(prefix="/v1", tags=["merges"], responses=UPSTREAM_PROBLEMS)
    permitted = [Depends(allow("rule.simulate"))]

    @router.post(
        "/merges/simulate",
        summary="Simulate a touchpoint",
        dependencies=permitted,
        responses={200: {"model": SimulatedTouchpoint}},
    )
    async def simulate_touchpoint(request: Request, given: TouchpointToSimulate) -> Response:
        """Where it would go, whom it would merge, what would be refused and why. Nothing is written."""
        return await forward_write(request, services.profile, "/v1/merges/simulate")

    @router.post(
        "/identity-rules/simulate",
        summary="Simulate a change of the identity rules",
        dependencies=permitted,
        responses={200: {"model": QueuedJob}},
    )
    async def simulate_rules(request: Request, given: RulesToSimulate) -> Response:
        """Queue a job that weighs every merge and every refused link by the changed rules.

        Its result counts merges that they would refuse and links that they would allow, with a sample of 50 of each.
        """
        return await forward_write(request, services.profile, "/v1/identity-rules/simulate")

    return router
