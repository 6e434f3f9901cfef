"""Which web pages may call the gateway from a browser (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from guanxi_gateway.api.ingest import INGEST_PATHS

MAX_AGE = 600
"""Seconds for which a browser remembers what it may do."""


class CrossOrigin:
    """Middleware: SDKs may send from the sites of `ingest`, a frontend of staff may read and write from `staff`.

    An origin is scheme, host and port; `*` is every one. A write key is public in any page that sends, so that ingest
    may be open to every site; the staff's API never answers a credential that the browser adds by itself.
    """

    def __init__(self, app: ASGIApp, *, ingest: Sequence[str], staff: Sequence[str]) -> None:
        self._ingest = CORSMiddleware(
            app,
            allow_origins=ingest,
            allow_methods=["POST"],
            allow_headers=["Authorization", "Content-Encoding", "Content-Type"],
            max_age=MAX_AGE,
        )
        self._staff = CORSMiddleware(
            app,
            allow_origins=staff,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            max_age=MAX_AGE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        chosen = self._ingest if scope.get("path") in INGEST_PATHS else self._staff
        await chosen(scope, receive, send)
