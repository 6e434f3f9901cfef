"""An application lives: health, readiness, and what runs around its serving."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from guanxi_kit.app import Check, NotReady, create_app
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import client_of


async def test_health_needs_no_token_and_readiness_names_each_check() -> None:
    state = {"database": True}

    async def database() -> None:
        if not state["database"]:
            raise ConnectionRefusedError("postgresql://app:secret@db")

    async def hangs() -> None:
        if not state["database"]:
            await asyncio.Event().wait()

    async def catching_up() -> None:
        if not state["database"]:
            raise NotReady("catching up")

    checks = [Check("database", database), Check("log", hangs, timeout=0.25), Check("replay", catching_up)]
    app = create_app("Demo", ServiceSettings(service="demo"), readiness=checks)
    async with client_of(app) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json() == {
            "status": "ready",
            "checks": {"database": "ok", "log": "ok", "replay": "ok"},
        }
        state["database"] = False
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["checks"] == {"database": "failed", "log": "timeout", "replay": "catching up"}
        assert (await client.get("/healthz")).status_code == 200
        state["database"] = True
        app.state.stopping.set()
        assert (await client.get("/readyz")).status_code == 503


async def test_the_lifespan_runs_around_the_serving() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        seen.append("open")
        yield
        seen.append("close")

    app = create_app("Demo", ServiceSettings(service="demo"), lifespan=lifespan)

    @app.get("/seen")
    async def look(request: Request) -> list[str]:
        return [*seen, request.app.state.settings.service]

    async with client_of(app) as client:
        assert (await client.get("/seen")).json() == ["open", "demo"]
    assert seen == ["open", "close"]
