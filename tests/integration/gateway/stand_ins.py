"""Stand-ins for the services behind a gateway, which listen on ports of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from guanxi_devstack.ports import find_free_port
from guanxi_kit.testing import eventually


class _Quiet(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave signals to pytest."""


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port of loopback; yields its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def closed_port() -> str:
    """Return a base URL where nobody listens."""
    return f"http://127.0.0.1:{find_free_port()}"


@dataclass
class Seen:
    """A request as the service got it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    complete: bool


@dataclass
class StandIn:
    """A service that answers what it is told to, and remembers what it was asked.

    `in_turn` are the bodies of the next answers, in place of `body`. `begun` counts requests whose head has come.
    """

    status: int = 200
    body: bytes = b'{"stand_in":true}'
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    seen: list[Seen] = field(default_factory=list)
    in_turn: list[bytes] = field(default_factory=list)
    hold: asyncio.Event | None = None
    drop: bool = False
    begun: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        body, complete = b"", False
        while not complete:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message.get("body", b"")
            complete = not message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.seen.append(Seen(scope["method"], scope["path"], query, headers, body, complete))
        if not complete:
            return
        if self.hold is not None:
            await self.hold.wait()
        answer = self.in_turn.pop(0) if self.in_turn else self.body
        length = len(answer) + (1 if self.drop else 0)
        raw = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        raw.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer, "more_body": self.drop})

    def answers(self, status: int, body: Any, media_type: str = "application/json", **headers: str) -> None:
        """Answer so from now on."""
        self.status = status
        self.body = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self.headers = {
            "content-type": media_type,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
