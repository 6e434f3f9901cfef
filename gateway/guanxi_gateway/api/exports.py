"""Everything of a person, of all services, in one document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from guanxi_gateway.adapters.headers import RawHeaders
from guanxi_gateway.adapters.upstream import Streamed, Upstream, UpstreamFailed
from guanxi_gateway.api.answers import problem_of_failure, response_of
from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.application.export_document import BrokenExport, as_json, as_page, lines_of
from guanxi_kit import pages
from guanxi_kit.exporting import ExportLine

_FORWARDED = frozenset((b"authorization", b"traceparent", b"tracestate"))
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Everything, a list for each kind of record; or a page to read with `Accept: text/html`.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "customer_id": "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37",
                    "exported_at": "2024-05-01T08:00:00Z",
                    "identifiers": [{"type": "email", "value": "ada@example.com"}],
                    "touchpoints": [],
                },
            },
            "text/html": {"schema": {"type": "string"}, "example": "<!doctype html>"},
        },
    }
}


def exports_router(services: Services, allow: Allow, now: Callable[[], datetime]) -> APIRouter:
    """Return the route of exports."""
    router = APIRouter(tags=["privacy"], responses=UPSTREAM_PROBLEMS)
    others = (services.interaction, services.scoring, services.notification)

    @router.get(
        "/v1/customers/{customer_id}/export",
        summary="Export everything of a person",
        dependencies=[Depends(allow("privacy.read"))],
        response_class=Response,
        responses=_EXPORT,
    )
    async def export_customer(
        request: Request,
        customer_id: UUID,
        reason: Annotated[
            str,
            Query(
                min_length=10,
                max_length=500,
                description="Why; kept in the access audit, as of any clear read.",
            ),
        ],
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """In clear, for the person. It is read and passed on piece by piece."""
        path = f"/v1/customers/{customer_id}/export?{urlencode({'reason': reason})}"
        headers = [(name, value) for name, value in request.headers.raw if name in _FORWARDED]
        opened = AsyncExitStack()
        try:
            first = await opened.enter_async_context(services.profile.stream(path, headers))
            if first.status != 200:
                async with opened:
                    return response_of(services.profile.service, await first.whole())
        except UpstreamFailed as failed:
            raise problem_of_failure(failed) from None
        lines = _all_lines(opened, first, others, path, headers)
        head = {"customer_id": customer_id, "exported_at": now()}
        if "text/html" in accept:
            return StreamingResponse(
                as_page(head, lines), media_type="text/html; charset=utf-8", headers=pages.HEADERS
            )
        return StreamingResponse(as_json(head, lines), media_type="application/json")

    return router


async def _all_lines(
    opened: AsyncExitStack, first: Streamed, others: tuple[Upstream, ...], path: str, headers: RawHeaders
) -> AsyncIterator[ExportLine]:
    """Yield the lines of all services. A failure breaks the answer off: half an export must not look whole."""
    async with opened:
        async for line in lines_of(first.chunks()):
            yield line
        for upstream in others:
            async with upstream.stream(path, headers) as answer:
                if answer.status != 200:
                    raise BrokenExport(f"{upstream.service} answered with status {answer.status}")
                async for line in lines_of(answer.chunks()):
                    yield line
