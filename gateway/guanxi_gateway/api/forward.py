"""Passing a staff request on to the service that owns the data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from guanxi_gateway.adapters.upstream import Answer, Upstream, UpstreamFailed
from guanxi_gateway.api.answers import JSON, check_answer, problem_of_failure, response_of

_FORWARDED = frozenset((b"authorization", b"accept", b"accept-language", b"traceparent", b"tracestate"))
_WITH_BODY = _FORWARDED | {b"content-type", b"idempotency-key"}


async def forward(
    request: Request,
    upstream: Upstream,
    path: str,
    query: Mapping[str, str | int | None] | None = None,
    *,
    media_type: str = JSON,
) -> Response:
    """Ask the service with the caller's own token and pass its answer on, JSON untouched. Raises Problem.

    The service checks the token once more; parameters that are None are left out.
    """
    answer = await _get(request, upstream, path, query)
    return response_of(upstream.service, answer, media_type)


class Refused(Exception):
    """A service answered with a problem."""

    def __init__(self, service: str, answer: Answer) -> None:
        super().__init__(service)
        self.service = service
        self.answer = answer


async def ask(
    request: Request, upstream: Upstream, path: str, query: Mapping[str, str | int | None]
) -> Answer:
    """Ask the service with the caller's own token for JSON to go on with. Raises Refused, Problem."""
    answer = check_answer(upstream.service, await _get(request, upstream, path, query))
    if answer.status >= 400:
        raise Refused(upstream.service, answer)
    return answer


def pass_on(refused: Refused) -> Response:
    """Return the problem that a service answered with, untouched."""
    return response_of(refused.service, refused.answer)


async def _get(
    request: Request, upstream: Upstream, path: str, query: Mapping[str, str | int | None] | None
) -> Answer:
    headers = [(name, value) for name, value in request.headers.raw if name in _FORWARDED]
    given = {name: str(value) for name, value in (query or {}).items() if value is not None}
    try:
        return await upstream.get(path, given, headers)
    except UpstreamFailed as failed:
        raise problem_of_failure(failed) from None


async def forward_stream(request: Request, upstream: Upstream, path: str, media_type: str) -> Response:
    """Pass an answer of any length on as it comes, with the caller's own token. Raises Problem."""
    headers = [(name, value) for name, value in request.headers.raw if name in _FORWARDED]
    opened = AsyncExitStack()
    try:
        answer = await opened.enter_async_context(upstream.stream(path, headers))
        if answer.status != 200:
            async with opened:
                return response_of(upstream.service, await answer.whole(), media_type)
    except UpstreamFailed as failed:
        raise problem_of_failure(failed) from None
    return StreamingResponse(_until_closed(opened, answer.chunks()), media_type=media_type)


async def _until_closed(opened: AsyncExitStack, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with opened:
        async for chunk in chunks:
            yield chunk


async def forward_write(
    request: Request,
    upstream: Upstream,
    path: str,
    query: Mapping[str, str | int | None] | None = None,
    *,
    further: frozenset[bytes] = frozenset(),
) -> Response:
    """Hand a change to the service with the caller's own token and body, once, and pass its answer on. Raises Problem.

    The body is bounded by the edge; `further` headers go along.
    A change is never tried again here: whether the service acted may be unknown.
    """
    given = {name: str(value) for name, value in (query or {}).items() if value is not None}
    target = f"{path}?{urlencode(given)}" if given else path
    return await forward_body(
        request, upstream, request.method, target, await request.body(), further=further
    )


async def forward_body(
    request: Request,
    upstream: Upstream,
    method: str,
    target: str,
    body: bytes,
    *,
    further: frozenset[bytes] = frozenset(),
) -> Response:
    """Hand a change to the service as `forward_write` does, under another method and with another body."""
    headers = [(name, value) for name, value in request.headers.raw if name in _WITH_BODY | further]
    try:
        answer = await upstream.send(method, target, headers, body)
    except UpstreamFailed as failed:
        raise problem_of_failure(failed) from None
    return response_of(upstream.service, answer)
