"""An HTTP client on an application in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from httpx import ASGITransport

from guanxi_kit.http import HttpClient, make_client


@asynccontextmanager
async def client_of(app: FastAPI, *, token: str | None = None) -> AsyncIterator[HttpClient]:
    """Run the application's lifespan and lend a client that calls it without a socket."""
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        make_client("http://guanxi.example.com", token=token, transport=transport) as client,
    ):
        yield client
