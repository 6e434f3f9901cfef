"""Makes the FastAPI application that every process serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI

from guanxi_kit.app.edge import Edge
from guanxi_kit.app.health import Check, Readiness, install_health
from guanxi_kit.app.openapi import install_openapi
from guanxi_kit.errors import install_problem_handlers
from guanxi_kit.settings import ServiceSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]

BODY_LIMIT = 1_048_576

# FastAPI's own spans and metrics hold the path and the query, which hold personal data. The edge makes ours.
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(
    title: str,
    settings: ServiceSettings,
    *,
    lifespan: Lifespan | None = None,
    readiness: Sequence[Check] = (),
    body_limit: int = BODY_LIMIT,
    body_limits: Mapping[str, int] | None = None,
    version: str = "1",
    description: str = "",
) -> FastAPI:
    """Return an application with problem documents, health, readiness, metrics, limits and security headers.

    `readiness` is read at each probe, so a list may be filled in `lifespan`. `body_limit` is in bytes, `body_limits`
    are those of paths that take more. There is no page of documentation, only /openapi.json. `app.state.settings` holds
    the settings, `app.state.stopping` an event that is set when the process is told to end, for streams to finish on.
    Endpoints that use `require` need `app.state.verifier`.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    app.state.settings = settings
    app.state.stopping = asyncio.Event()
    install_problem_handlers(app)
    install_health(app, Readiness(readiness))
    install_openapi(app)
    app.add_middleware(Edge, body_limit=body_limit, body_limits=body_limits or {})
    return app


def add_routes(app: FastAPI, *routers: APIRouter) -> None:
    """Serve what `routers` hold.

    FastAPI's `include_router` would analyse every endpoint a second time and take each request through both.
    """
    for router in routers:
        app.router.routes.extend(router.routes)
