"""Background jobs of every service."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.adapters.upstream import Upstream
from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Page
from guanxi_gateway.api.schemas.jobs import Job, JobPage, ServiceName

_PROBLEMS = {**UPSTREAM_PROBLEMS, 404: problem("There is no such job.")}


def jobs_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/jobs."""
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=_PROBLEMS)

    @router.get(
        "",
        summary="List a service's background jobs",
        dependencies=[Depends(allow("job.read"))],
        responses={200: {"model": JobPage}},
    )
    async def list_jobs(
        request: Request,
        page: Page,
        service: Annotated[ServiceName, Query(description="The service whose jobs are asked for.")],
    ) -> Response:
        """The newest first."""
        return await forward(request, upstream_of(services, service), "/v1/jobs", page)

    @router.get(
        "/{service}/{job_id}",
        summary="Read a background job with its progress",
        dependencies=[Depends(allow("job.read"))],
        responses={200: {"model": Job}},
    )
    async def read_job(request: Request, service: ServiceName, job_id: UUID) -> Response:
        """Its state, how far it is, and its result or why it failed."""
        return await forward(request, upstream_of(services, service), f"/v1/jobs/{job_id}")

    @router.post(
        "/{service}/{job_id}/cancel",
        summary="Cancel a background job",
        dependencies=[Depends(allow("job.write"))],
        responses={200: {"model": Job}, 409: problem("The job has ended already.")},
    )
    async def cancel_job(request: Request, service: ServiceName, job_id: UUID) -> Response:
        """It stops before its next step; what it has done stays done."""
        return await forward_write(request, upstream_of(services, service), f"/v1/jobs/{job_id}/cancel")

    return router


def upstream_of(services: Services, service: ServiceName) -> Upstream:
    """Return where a service is reached."""
    upstream: Upstream = getattr(services, service)
    return upstream
