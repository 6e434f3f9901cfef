"""The outermost layer of an application, in plain ASGI: limits, request id, headers, metrics, last catch."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from opentelemetry.trace import StatusCode
from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guanxi_kit.errors import Problem, log_problem, problem_of, problem_response, route_of
from guanxi_kit.http import REQUEST_ID
from guanxi_kit.telemetry import METRICS, Metrics, request_span, tracing_enabled

MAX_PATH_CHARACTERS = 2048
MAX_QUERY_BYTES = 8192
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_SECURITY_NAMES = frozenset(name for name, _ in SECURITY_HEADERS)
_REQUEST_ID = re.compile(rb"^[0-9a-fA-F-]{16,64}$")
_NONE: Mapping[str, int] = MappingProxyType({})
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _refusal(scope: Scope, length: bytes, body_limit: int) -> Problem | None:
    path: str = scope["path"]
    query: bytes = scope["query_string"]
    if len(path) > MAX_PATH_CHARACTERS or len(query) > MAX_QUERY_BYTES:
        return Problem(400, detail="The path or the query is too long.")
    if "\x00" in path or (query and (b"%00" in query or b"\x00" in query)):
        return Problem(400, detail="The path or the query holds a NUL character.")
    if length.isdigit() and int(length[:20]) > body_limit:
        return Problem(413, detail=f"The body is larger than {body_limit} bytes.")
    return None


class _BodyTooLarge(HTTPException):
    """Raised out of `receive`; an HTTPException, because frameworks let that one pass while reading a body."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes.")


class Edge:
    """Wraps an application: every request passes here first and every response last.

    Refuses over-long and NUL-holding addresses (400) and bodies over `body_limit` bytes (413, also when streamed),
    of the paths in `body_limits` over theirs;
    gives each request an id and, when tracing, a span; adds security headers that the application did not set;
    counts by route template; turns what nobody caught into a problem document.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_limit: int,
        body_limits: Mapping[str, int] = _NONE,
        metrics: Metrics = METRICS,
    ) -> None:
        self._app = app
        self._body_limit = body_limit
        self._body_limits = body_limits
        self._metrics = metrics
        # Looking a series up by its labels costs more than counting on it.
        self._series: dict[tuple[str, str, int | str], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._body_limits.get(scope["path"], self._body_limit)
        exchange = _Exchange(scope, receive, send, limit)
        token = REQUEST_ID.set(exchange.request_id)
        started = time.perf_counter()
        try:
            if tracing_enabled():
                await self._traced(exchange)
            else:
                await self._serve(exchange)
        finally:
            REQUEST_ID.reset(token)
            self._count(exchange, time.perf_counter() - started)

    async def _traced(self, exchange: _Exchange) -> None:
        with request_span(exchange.method, exchange.scope["headers"]) as span:
            await self._serve(exchange)
            route = route_of(exchange.scope)
            span.update_name(f"{exchange.method} {route}")
            span.set_attributes({"http.route": route, "http.response.status_code": exchange.status})
            if exchange.status >= 500:
                span.set_status(StatusCode.ERROR)

    async def _serve(self, exchange: _Exchange) -> None:
        refusal = _refusal(exchange.scope, exchange.length, exchange.limit)
        if refusal is not None:
            await self._answer(exchange, refusal)
            return
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:
            problem = problem_of(error)
            log_problem(problem, error, method=exchange.method, route=route_of(exchange.scope))
            if exchange.status:
                exchange.cut_short = True
                raise
            await self._answer(exchange, problem)

    async def _answer(self, exchange: _Exchange, problem: Problem) -> None:
        await problem_response(problem)(exchange.scope, exchange.receive, exchange.send)

    def _count(self, exchange: _Exchange, seconds: float) -> None:
        route = route_of(exchange.scope)
        key = (exchange.method, route, "cut" if exchange.cut_short else exchange.status)
        series = self._series.get(key)
        if series is None:
            requests = self._metrics.http_requests.labels(exchange.method, route, str(key[2]))
            series = self._series[key] = (requests, self._metrics.http_seconds.labels(route))
        series[0].inc()
        series[1].observe(seconds)


class _Exchange:
    """One request and its response."""

    __slots__ = (
        "_receive", "_received", "_send", "cut_short", "length", "limit", "method", "request_id", "scope", "status"
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        given = self.length = b""
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = given or value
            elif name == b"content-length":
                self.length = self.length or value
        self.scope = scope
        self.method: str = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self.status = 0
        self.request_id = given.decode() if given and _REQUEST_ID.match(given) else os.urandom(16).hex()
        self.cut_short = False
        self._receive = receive
        self._send = send
        self.limit = limit
        self._received = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self.limit:
                raise _BodyTooLarge(self.limit)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._headers(list(message.get("headers", ())))
        await self._send(message)

    def _headers(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name for name, _ in given}
        added: Iterable[tuple[bytes, bytes]] = SECURITY_HEADERS
        if not present.isdisjoint(_SECURITY_NAMES):
            added = (item for item in SECURITY_HEADERS if item[0] not in present)
        return [*given, *added, (b"x-request-id", self.request_id.encode())]
