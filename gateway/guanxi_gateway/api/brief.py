"""The brief before a contact: one request, answered from two services asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from guanxi_gateway.adapters.upstream import Upstream
from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import QueryValue, Refused, ask, pass_on
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear
from guanxi_gateway.api.schemas.brief import CustomerBrief
from guanxi_gateway.application.brief import NO_DEALINGS, Brief, Parts
from guanxi_kit.errors import Problem

PATIENCE_SECONDS = 1.0
"""How long the brief waits for each part."""
Query = Mapping[str, QueryValue]
_DECODE = msgspec.json.Decoder(dict[str, Any]).decode


def brief_router(services: Services, allow: Allow, brief: Brief, now: Callable[[], datetime]) -> APIRouter:
    """Return the route of briefs."""
    router = APIRouter(prefix="/v1/customers", tags=["customers"], responses=UPSTREAM_PROBLEMS)

    @router.get(
        "/{customer_id}/brief",
        summary="Read what is worth knowing before a contact",
        dependencies=[Depends(allow("task.read"))],
        responses={200: {"model": CustomerBrief}},
    )
    async def read_brief(request: Request, customer_id: UUID, clear: Clear) -> Response:
        """Last contacts, unresolved problems, what is to be done, preferences, value, risk, what to offer.

        A part whose service does not answer in time is left out and named in `missing`.
        """
        try:
            parts = await _ask_both(request, services, brief, customer_id, clear)
        except Refused as refused:
            return pass_on(refused)
        document = brief.document(parts, now())
        return Response(msgspec.json.encode(document), media_type="application/json")

    return router


async def _ask_both(
    request: Request, services: Services, brief: Brief, customer_id: UUID, clear: Query
) -> Parts:
    """Raises Refused where the customer is not known, or the caller may not be told."""
    path = f"/v1/customers/{customer_id}"
    spoken: Query = {"event": brief.contacts, **clear}
    view, dealings = await asyncio.gather(
        _part(request, services.profile, path, clear),
        _part(request, services.interaction, f"{path}/brief", spoken, unknown=NO_DEALINGS),
    )
    return Parts(view, dealings)


async def _part(
    request: Request,
    upstream: Upstream,
    path: str,
    query: Query,
    *,
    unknown: Mapping[str, Any] | None = None,
) -> Mapping[str, Any] | None:
    """Return a service's answer, None where it gave none in time. Raises Refused.

    `unknown` stands for that of a service that hears of a new customer a moment later; None: it would know.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return _DECODE((await ask(request, upstream, path, query)).body)
    except Refused as refused:
        if refused.answer.status >= 500:
            return None
        if refused.answer.status == 404 and unknown is not None:
            return unknown
        raise
    except (Problem, TimeoutError, msgspec.MsgspecError):
        return None
