"""The ingest paths: a bare ASGI lane to the interaction-service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from guanxi_gateway.adapters.headers import RawHeaders, end_to_end
from guanxi_gateway.adapters.upstream import Upstream, UpstreamFailed
from guanxi_gateway.api.answers import check_answer, passed_on, problem_of_failure
from guanxi_gateway.api.limits import count, write_key_of
from guanxi_gateway.application.rate_limits import RateLimiter
from guanxi_kit.errors import Problem

_OF_SDKS = ("identify", "track", "page", "screen", "group", "alias", "batch")
INGEST_PATHS: Mapping[str, str] = {
    **{f"/v1/{name}": f"/v1/{name}" for name in (*_OF_SDKS, "import", "cloudevents")},
    **{f"/v1/{name[0]}": f"/v1/{name}" for name in _OF_SDKS},
}
"""Where ingest is asked for, and where it is: Segment's SDKs of browsers and phones call by the first letter."""

HOOKS = "/v1/hooks/"
_QUERY_SAFE = "%&=+-_.~!$'()*,;:@/?"
BODY_SECONDS = 20.0


class ClientGone(Exception):
    """The caller hung up before its request was complete."""


class IngestLane:
    """Middleware that streams ingest requests on and their answers back, and passes all else to the application.

    The write key, and the signature of a webhook, is checked by the interaction-service.

    A body is passed on as it comes, compressed or not; its size is bounded by the edge of the application.
    """

    def __init__(self, app: ASGIApp, *, interaction: Upstream, limiter: RateLimiter) -> None:
        self._app = app
        self._interaction = interaction
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection. Raises Problem for the edge to answer."""
        path: str = scope.get("path", "")
        hook = path.startswith(HOOKS)
        if scope["type"] != "http" or not (hook or path in INGEST_PATHS):
            await self._app(scope, receive, send)
            return
        scope["guanxi.route"] = f"{HOOKS}{{channel}}" if hook else INGEST_PATHS[path]
        methods = ("GET", "POST") if hook else ("POST",)
        if scope["method"] not in methods:
            raise Problem(405, headers={"Allow": ", ".join(methods)})
        await self._forward(scope, receive, send, hook=hook)

    async def _forward(self, scope: Scope, receive: Receive, send: Send, *, hook: bool) -> None:
        headers = end_to_end(scope["headers"])
        key = write_key_of(next((value for name, value in headers if name == b"authorization"), b""))
        if key is not None:
            count(self._limiter, "write key", key)
        elif hook:
            # By address as well: what strangers send without a signature must not shut the sender out.
            client = scope.get("client")
            count(self._limiter, "webhook", (scope["path"], client[0] if client else None))
        body = Body(receive)
        try:
            content = await body.open()
            target = _target(scope) if hook else INGEST_PATHS[scope["path"]]
            answer = await self._interaction.send(
                scope["method"], target, _forwarded(headers, scope), content
            )
        except UpstreamFailed as failed:
            if body.failed is None:
                raise problem_of_failure(failed) from None
            if isinstance(body.failed, ClientGone):
                return
            raise body.failed from None
        except ClientGone:
            return
        if hook and answer.status == 200:
            check_answer(self._interaction.service, answer, answer.media_type)
        else:
            check_answer(self._interaction.service, answer)
        kept = passed_on(answer.headers)
        kept.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": kept})
        await send({"type": "http.response.body", "body": answer.body})


def _target(scope: Scope) -> str:
    """Return the path and query of a webhook as they came, encoded."""
    path = quote(scope["path"], safe="/-_.~")
    query: bytes = scope["query_string"]
    return f"{path}?{quote(query.decode('latin-1'), safe=_QUERY_SAFE)}" if query else path


def _forwarded(headers: RawHeaders, scope: Scope) -> RawHeaders:
    client = scope.get("client")
    return [*headers, (b"x-forwarded-for", client[0].encode())] if client else headers


class Body:
    """The body of a request: whole when it came in one piece, as most do, else as it comes.

    `failed` is why it broke off, which the connection to the service would hide.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        self.failed: Exception | None = None

    async def open(self) -> bytes | AsyncIterator[bytes]:
        """Wait for its beginning. Raises ClientGone, Problem, and what the edge raises for a body too large."""
        first, more = await self._next()
        return self._rest(first) if more else first

    async def _rest(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        more = True
        while more:
            try:
                piece, more = await self._next()
            except Exception as error:
                self.failed = error
                raise
            if piece:
                yield piece

    async def _next(self) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, detail=f"The body did not arrive within {BODY_SECONDS:g} seconds.") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)
