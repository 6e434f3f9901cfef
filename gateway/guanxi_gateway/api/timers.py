"""Timers that were set aside: listed, fired again, dropped."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Limit
from guanxi_gateway.api.schemas.timers import ChosenTimers, CountedTimers, DroppedTimers, SetAsideTimerPage

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **UPSTREAM_PROBLEMS,
    404: problem("No such timer was set aside."),
}
_Cursor = Annotated[str | None, Query(max_length=800, description="`next_cursor` of the page before.")]


def timers_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/timers; interaction-service alone has timers."""
    router = APIRouter(prefix="/v1/timers", tags=["timers"], responses=_PROBLEMS)
    interaction = services.interaction

    @router.get(
        "",
        summary="List timers that were set aside",
        dependencies=[Depends(allow("timer.read"))],
        responses={200: {"model": SetAsideTimerPage}},
    )
    async def list_timers(
        request: Request,
        kind: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
        limit: Limit = None,
        cursor: _Cursor = None,
    ) -> Response:
        """What was to happen and could not, and why; those that failed last first."""
        return await forward(
            request, interaction, "/v1/timers", {"kind": kind, "limit": limit, "cursor": cursor}
        )

    @router.post(
        "/retry",
        summary="Fire timers again",
        dependencies=[Depends(allow("timer.write"))],
        responses={200: {"model": CountedTimers}},
    )
    async def retry_timers(request: Request, given: ChosenTimers) -> Response:
        """They get another turn, and each takes effect once; one that fails again is set aside again."""
        return await forward_write(request, interaction, "/v1/timers/retry")

    @router.post(
        "/drop",
        summary="Drop timers",
        dependencies=[Depends(allow("timer.write"))],
        responses={200: {"model": CountedTimers}},
    )
    async def drop_timers(request: Request, given: DroppedTimers) -> Response:
        """They are removed without effect; who did it and why is kept in the access audit."""
        return await forward_write(request, interaction, "/v1/timers/drop")

    return router
