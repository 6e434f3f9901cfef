"""Keys of every service: what is sealed with which, and sealing everything anew."""

import asyncio
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from guanxi_gateway.adapters.upstream import Upstream
from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.schemas.keys import KeysStatus, StartedRuns

_SERVICES = ("profile", "interaction", "scoring", "notification")


def keys_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/keys."""
    router = APIRouter(prefix="/v1/keys", tags=["keys"], responses=UPSTREAM_PROBLEMS)
    permitted = [Depends(allow("key.rotate"))]
    upstreams: dict[str, Upstream] = {name: getattr(services, name) for name in _SERVICES}

    @router.get(
        "/status",
        summary="Read what is sealed with which key",
        dependencies=permitted,
        responses={200: {"model": KeysStatus}},
    )
    async def read_status(request: Request) -> Response:
        """Counts of large tables are estimates from a sample; the result of a finished re-encryption is exact."""
        asked = [forward(request, upstream, "/v1/keys/status") for upstream in upstreams.values()]
        return _together(await asyncio.gather(*asked))

    @router.post(
        "/reencrypt",
        status_code=202,
        summary="Seal everything anew with the key that seals now",
        dependencies=permitted,
        responses={202: {"model": StartedRuns}},
    )
    async def start_reencryption(request: Request) -> Response:
        """Start a job in each service, or find the one that is going on: asking again does no harm."""
        asked = [forward_write(request, upstream, "/v1/keys/reencrypt") for upstream in upstreams.values()]
        return _together(await asyncio.gather(*asked))

    return router


def _together(answers: list[Response]) -> Response:
    """Return one answer out of those of all services: the first problem, if there is one."""
    for answer in answers:
        if answer.status_code >= 400:
            return answer
    items: list[dict[str, Any]] = [
        {"service": name, **msgspec.json.decode(answer.body)}
        for name, answer in zip(_SERVICES, answers, strict=True)
    ]
    return Response(
        msgspec.json.encode({"items": items}), answers[0].status_code, media_type="application/json"
    )
