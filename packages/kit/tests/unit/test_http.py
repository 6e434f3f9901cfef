import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport

from guanxi_kit.app import create_app
from guanxi_kit.http import REQUEST_ID, TransportError, make_client
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import client_of


@pytest.fixture
def peer() -> FastAPI:
    app = create_app("Peer", ServiceSettings(service="peer"))

    @app.get("/headers")
    async def headers(request: Request) -> dict[str, str]:
        return dict(request.headers)

    return app


async def test_the_request_id_and_the_token_go_on_to_the_next_service(peer: FastAPI) -> None:
    front = create_app("Front", ServiceSettings(service="front"))
    client = make_client("http://peer.example.com", token="aaa.bbb.ccc", transport=ASGITransport(peer))

    @front.get("/")
    async def ask() -> dict[str, str]:
        return dict((await client.get("/headers")).json())

    async with client_of(front) as caller:
        response = await caller.get("/")
    seen = response.json()
    assert seen["x-request-id"] == response.headers["x-request-id"]
    assert seen["authorization"] == "Bearer aaa.bbb.ccc"
    assert REQUEST_ID.get() is None


@pytest.mark.parametrize("token", ["", "a b", "a\r\nx-evil: 1", "ключ"])
async def test_a_token_that_is_no_header_value_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="bearer token"):
        make_client(token=token)


async def test_an_unreachable_peer_is_a_transport_error(unused_tcp_port: int) -> None:
    async with make_client(f"http://127.0.0.1:{unused_tcp_port}", timeout=2.0) as client:
        with pytest.raises(TransportError):
            await client.get("/")
