"""The only module that creates HTTP clients, so that another client library costs one module."""

from __future__ import annotations

import re
import ssl
from contextvars import ContextVar
from functools import cache

import httpx

from guanxi_kit.telemetry import trace_headers

HttpClient = httpx.AsyncClient
HttpResponse = httpx.Response
HttpTransport = httpx.AsyncBaseTransport
TransportError = httpx.TransportError
"""The peer could not be reached or did not answer in time."""

REQUEST_ID: ContextVar[str | None] = ContextVar("guanxi_request_id", default=None)
"""The id of the request that the running task serves."""

REQUEST_ID_HEADER = "x-request-id"
_TOKEN = re.compile(r"^[A-Za-z0-9._~+/=-]+$")


async def _pass_on(request: httpx.Request) -> None:
    request_id = REQUEST_ID.get()
    if request_id is not None and REQUEST_ID_HEADER not in request.headers:
        request.headers[REQUEST_ID_HEADER] = request_id
    request.headers.update(trace_headers())


@cache
def _trust(*, trust_env: bool) -> ssl.SSLContext:
    """Authorities to trust, read once: reading them takes longer than most requests."""
    return httpx.create_ssl_context(trust_env=trust_env)


def make_client(
    base_url: str = "",
    *,
    timeout: float = 5.0,
    connections: int = 50,
    token: str | None = None,
    transport: HttpTransport | None = None,
    trust_env: bool = False,
) -> HttpClient:
    """Return a client that keeps connections alive and passes on the request id and the trace.

    `timeout` in seconds holds for connecting and for each wait on the peer. `token` is sent as a bearer token.
    `transport` replaces the network, for example by `httpx.ASGITransport(app)` in tests. Redirects are not followed.
    Raises ValueError when the token could not be a header value.
    """
    headers = {"user-agent": "guanxi"}
    if token is not None:
        if not _TOKEN.match(token):
            raise ValueError("the bearer token holds characters that no token has")
        headers["authorization"] = f"Bearer {token}"
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        headers=headers,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        transport=transport,
        verify=_trust(trust_env=trust_env),
        trust_env=trust_env,
        event_hooks={"request": [_pass_on]},
    )
