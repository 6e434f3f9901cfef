"""Passing a staff request on to the service that owns the data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TypeAlias
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from guanxi_gateway.adapters.upstream import Answer, Upstream, UpstreamFailed
from guanxi_gateway.api.answers import JSON, check_answer, problem_of_failure, response_of
from guanxi_kit.app.slow_bodies import in_time
from guanxi_kit.errors import Problem

QueryValue: TypeAlias = "str | int | Sequence[str] | None"
"""A parameter that is a list is given once for each of its values, one that is None not at all."""
_FORWARDED = frozenset((b"authorization", b"accept", b"accept-language", b"traceparent", b"tracestate"))
_WITH_BODY = _FORWARDED | {b"content-type", b"idempotency-key"}
_UPLOADED = _FORWARDED | {b"content-type", b"content-encoding"}


async def forward(
    request: Request,
    upstream: Upstream,
    path: str,
    query: Mapping[str, QueryValue] | None = None,
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


async def ask(request: Request, upstream: Upstream, path: str, query: Mapping[str, QueryValue]) -> Answer:
    """Ask the service with the caller's own token for JSON to go on with. Raises Refused, Problem."""
    answer = check_answer(upstream.service, await _get(request, upstream, path, query))
    if answer.status >= 400:
        raise Refused(upstream.service, answer)
    return answer


def pass_on(refused: Refused) -> Response:
    """Return the problem that a service answered with, untouched."""
    return response_of(refused.service, refused.answer)


async def _get(
    request: Request, upstream: Upstream, path: str, query: Mapping[str, QueryValue] | None
) -> Answer:
    headers = [(name, value) for name, value in request.headers.raw if name in _FORWARDED]
    try:
        return await upstream.get(_target(path, query), headers)
    except UpstreamFailed as failed:
        raise problem_of_failure(failed) from None


async def forward_stream(
    request: Request,
    upstream: Upstream,
    path: str,
    media_type: str,
    query: Mapping[str, QueryValue] | None = None,
) -> Response:
    """Pass an answer of any length on as it comes, with the caller's own token. Raises Problem."""
    path = _target(path, query)
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
    query: Mapping[str, QueryValue] | None = None,
    *,
    further: frozenset[bytes] = frozenset(),
) -> Response:
    """Hand a change to the service with the caller's own token and body, once, and pass its answer on. Raises Problem.

    The body is bounded by the edge; `further` headers go along.
    A change is never tried again here: whether the service acted may be unknown.
    """
    target = _target(path, query)
    return await forward_body(
        request, upstream, request.method, target, await request.body(), further=further
    )


def _target(path: str, query: Mapping[str, QueryValue] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


async def forward_upload(
    request: Request, upstream: Upstream, path: str, query: Mapping[str, QueryValue]
) -> Response:
    """Hand a body of any length on as it comes, with the caller's own token; nothing of it is kept. Raises Problem."""
    headers = [(name, value) for name, value in request.headers.raw if name in _UPLOADED]
    body = _Upload(request)
    try:
        answer = await upstream.send("POST", _target(path, query), headers, body.pieces())
    except UpstreamFailed as failed:
        # Why the body broke off is hidden behind the connection to the service that broke off with it.
        raise body.failed or problem_of_failure(failed) from None
    return response_of(upstream.service, answer)


class _Upload:
    """The body of a request; `failed` is why it broke off."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.failed: Exception | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it as it comes."""
        try:
            async for piece in in_time(self._request.stream()):
                if piece:
                    yield piece
        except ClientDisconnect as error:
            self.failed = Problem(400, detail="The upload broke off.")
            raise self.failed from error
        except Exception as error:
            self.failed = error
            raise


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
