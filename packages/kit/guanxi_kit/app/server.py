"""uvicorn, started from code: our signals, our socket, no access log."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from guanxi_kit.app.connections import WatchedConnection
from guanxi_kit.failures import FatalError
from guanxi_kit.logging import get_logger
from guanxi_kit.settings import ServiceSettings

_BACKLOG = 2048
_log = get_logger("guanxi.server")


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process, which stops more than HTTP."""
        yield


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be bound ({error.strerror})"
        raise FatalError(f"port {port} on {host} {reason}") from None
    listener.setblocking(False)
    return listener


class HttpServer:
    """Serves an application on settings.host and settings.port. Raises FatalError at once when the port is taken."""

    def __init__(self, app: FastAPI, settings: ServiceSettings) -> None:
        self._app = app
        self._host = settings.host
        self.started = False
        self._socket = _bind(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=WatchedConnection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=max(1, int(settings.shutdown_seconds)),
            )
        )

    async def serve(self) -> None:
        """Open what the application needs (its lifespan), serve until `stop`, close it. What opening raises passes."""
        try:
            async with self._app.router.lifespan_context(self._app):
                self.started = True
                _log.info("serving", host=self._host, port=self.port)
                await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Take no new connections, let streams and requests finish, then return from `serve`."""
        stopping: asyncio.Event = self._app.state.stopping
        stopping.set()
        self._server.should_exit = True
