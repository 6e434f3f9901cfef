"""Keys fetched from an issuer over HTTP: found, rotated, and kept while the issuer is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from guanxi_kit.app import create_app
from guanxi_kit.app.server import HttpServer
from guanxi_kit.auth import InvalidToken, TokenVerifier
from guanxi_kit.clock import ManualClock
from guanxi_kit.jwks import JwksUnavailable, JwksUrl
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import StaffIdentity


class Issuer:
    """Publishes keys and counts how often they are asked for."""

    def __init__(self, clock: ManualClock) -> None:
        self.identity = StaffIdentity(clock)
        self.published: dict[str, Any] = self.identity.jwks
        self.requests = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks"

    def app(self, settings: ServiceSettings) -> FastAPI:
        app = create_app("Issuer", settings)

        @app.get("/jwks")
        async def jwks() -> dict[str, Any]:
            self.requests += 1
            return self.published

        return app

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        settings = ServiceSettings(service="issuer", port=self.port)
        server = HttpServer(self.app(settings), settings)
        self.port = server.port
        task = asyncio.create_task(server.serve())
        try:
            yield
        finally:
            server.stop()
            await task


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_keys_are_fetched_once_and_kept(clock: ManualClock) -> None:
    issuer = Issuer(clock)
    async with issuer.serving():
        verifier = TokenVerifier(JwksUrl(issuer.url, clock), clock=clock)
        for number in range(20):
            principal = await verifier.authenticate(issuer.identity.token("agent", f"staff-{number}"))
            assert principal.role == "agent"
    assert issuer.requests == 1


async def test_a_new_key_is_found_and_a_withdrawn_one_refused(clock: ManualClock) -> None:
    issuer, successor = Issuer(clock), StaffIdentity(clock)
    async with issuer.serving():
        verifier = TokenVerifier(JwksUrl(issuer.url, clock), clock=clock)
        old = issuer.identity.token()
        await verifier.authenticate(old)
        issuer.published = successor.jwks
        clock.advance(11)
        assert (await verifier.authenticate(successor.token("dpo"))).role == "dpo"
        with pytest.raises(InvalidToken):
            await verifier.authenticate(old)


async def test_bad_tokens_do_not_make_us_ask_the_issuer_each_time(clock: ManualClock) -> None:
    issuer, stranger = Issuer(clock), StaffIdentity(clock)
    async with issuer.serving():
        verifier = TokenVerifier(JwksUrl(issuer.url, clock), clock=clock)
        for number in range(20):
            with pytest.raises(InvalidToken):
                await verifier.authenticate(stranger.token(subject=f"staff-{number}"))
    assert issuer.requests == 1


async def test_keys_outlive_an_issuer_that_is_away(clock: ManualClock) -> None:
    issuer = Issuer(clock)
    verifier: TokenVerifier
    async with issuer.serving():
        verifier = TokenVerifier(JwksUrl(issuer.url, clock), clock=clock)
        await verifier.authenticate(issuer.identity.token())
    clock.advance(3000)
    assert (await verifier.authenticate(issuer.identity.token("analyst"))).role == "analyst"


async def test_an_issuer_never_reached_is_told_apart_from_a_bad_token(
    clock: ManualClock, unused_tcp_port: int
) -> None:
    verifier = TokenVerifier(JwksUrl(f"http://127.0.0.1:{unused_tcp_port}/jwks", clock), clock=clock)
    with pytest.raises(JwksUnavailable):
        await verifier.authenticate(StaffIdentity(clock).token())


@pytest.mark.parametrize("published", [{}, {"keys": [{"kty": "unknown"}]}, []])
async def test_an_issuer_that_publishes_nonsense_changes_nothing(clock: ManualClock, published: Any) -> None:
    issuer = Issuer(clock)
    async with issuer.serving():
        verifier = TokenVerifier(JwksUrl(issuer.url, clock), clock=clock)
        await verifier.authenticate(issuer.identity.token())
        issuer.published = published
        clock.advance(301)
        assert (await verifier.authenticate(issuer.identity.token("agent"))).role == "agent"
        assert issuer.requests == 2
