"""Passing a staff read on to the service that owns the data."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request, Response

from guanxi_gateway.adapters.upstream import Upstream, UpstreamFailed
from guanxi_gateway.api.answers import problem_of_failure, response_of

_FORWARDED = frozenset((b"authorization", b"accept-language", b"traceparent", b"tracestate"))


async def forward(
    request: Request, upstream: Upstream, path: str, query: Mapping[str, str | int | None] | None = None
) -> Response:
    """Ask the service with the caller's own token and pass its answer on, JSON untouched. Raises Problem.

    The service checks the token once more; parameters that are None are left out.
    """
    headers = [(name, value) for name, value in request.headers.raw if name in _FORWARDED]
    given = {name: str(value) for name, value in (query or {}).items() if value is not None}
    try:
        answer = await upstream.get(path, given, headers)
    except UpstreamFailed as failed:
        raise problem_of_failure(failed) from None
    return response_of(upstream.service, answer)
