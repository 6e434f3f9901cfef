"""Searches for probable duplicates, and why two customers may be one."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear
from guanxi_gateway.api.schemas.duplicates import DuplicateRun, SuggestionExplained


def duplicates_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of duplicates; who decides about them finds them under /v1/suggestions."""
    router = APIRouter(prefix="/v1", tags=["merges"], responses=UPSTREAM_PROBLEMS)

    @router.post(
        "/duplicates/runs",
        status_code=202,
        summary="Search for duplicates among all customers",
        dependencies=[Depends(allow("merge.write"))],
        responses={202: {"model": DuplicateRun}},
    )
    async def start_run(request: Request) -> Response:
        """Learn what tells customers apart, and suggest who is probably there twice; one run at a time."""
        return await forward_write(request, services.profile, "/v1/duplicates/runs")

    @router.get(
        "/duplicates/runs/{job_id}",
        summary="Read how far a search for duplicates is",
        dependencies=[Depends(allow("merge.read"))],
        responses={200: {"model": DuplicateRun}, 404: problem("There is no such run.")},
    )
    async def read_run(request: Request, job_id: UUID) -> Response:
        """Its phase, the customers read, and at its end what was found."""
        return await forward(request, services.profile, f"/v1/duplicates/runs/{job_id}")

    @router.get(
        "/suggestions/{suggestion_id}",
        summary="Read why two customers may be one",
        dependencies=[Depends(allow("merge.read"))],
        responses={200: {"model": SuggestionExplained}, 404: problem("There is no such suggestion.")},
    )
    async def read_suggestion(request: Request, suggestion_id: UUID, clear: Clear) -> Response:
        """What was compared, what is known of both sides, and how much each field says, in bits and in words."""
        return await forward(request, services.profile, f"/v1/suggestions/{suggestion_id}", clear)

    return router
