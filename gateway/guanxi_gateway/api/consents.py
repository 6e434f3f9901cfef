"""Consents: recording, what holds, the ledger, its proof, and imports."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Cursor, Page
from guanxi_gateway.api.schemas.consents import (
    LINES_EXAMPLE,
    ConsentCheck,
    ConsentDecisions,
    ConsentHistory,
    ConsentProof,
    CurrentConsents,
    ImportedConsents,
    RecordedConsents,
)

_PAGE = {
    "text/html": {
        "schema": {"type": "string"},
        "example": '<!DOCTYPE html><html lang="en"><body><h1>Proof of consents</h1></body></html>',
    }
}
_TEXT = {"schema": {"type": "string"}, "example": LINES_EXAMPLE}
_LINES: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/x-ndjson": _TEXT, "text/plain": _TEXT}}
}


def consents_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes of consents."""
    router = APIRouter(prefix="/v1", tags=["consents"], responses=UPSTREAM_PROBLEMS)
    _add_reads(router, services, allow)
    _add_proof(router, services, allow)
    _add_writes(router, services, allow)
    return router


def _add_reads(router: APIRouter, services: Services, allow: Allow) -> None:
    reader = [Depends(allow("consent.read"))]

    @router.get(
        "/customers/{customer_id}/consents",
        summary="Read what a customer has allowed, and why",
        dependencies=reader,
        responses={200: {"model": CurrentConsents}},
    )
    async def read_consents(request: Request, customer_id: UUID) -> Response:
        """Every purpose and channel of the pack with the decision that holds."""
        return await forward(request, services.profile, f"/v1/customers/{customer_id}/consents")

    @router.get(
        "/customers/{customer_id}/consents/history",
        summary="Read a page of a customer's ledger of consents",
        dependencies=reader,
        responses={200: {"model": ConsentHistory}},
    )
    async def read_history(
        request: Request,
        customer_id: UUID,
        page: Page,
        clear: Clear,
    ) -> Response:
        """Every decision ever recorded, the last recorded first."""
        path = f"/v1/customers/{customer_id}/consents/history"
        return await forward(request, services.profile, path, {**page, **clear})

    @router.get(
        "/consents/check",
        summary="Ask whether a purpose is allowed on a channel",
        dependencies=reader,
        responses={200: {"model": ConsentCheck}},
    )
    async def check_consent(
        request: Request,
        customer_id: UUID,
        purpose: Annotated[str, Query(min_length=1, max_length=64, description="A purpose of the pack.")],
        channel: Annotated[str, Query(min_length=1, max_length=64, description="One of its channels.")],
    ) -> Response:
        """Now, with the reason; what nobody decided is allowed where the pack says so, and never for marketing."""
        query = {"customer_id": str(customer_id), "purpose": purpose, "channel": channel}
        return await forward(request, services.profile, "/v1/consents/check", query)


def _add_proof(router: APIRouter, services: Services, allow: Allow) -> None:
    @router.get(
        "/customers/{customer_id}/consents/proof",
        summary="Export the proof of a customer's consents",
        dependencies=[Depends(allow("consent.read"))],
        responses={200: {"model": ConsentProof, "content": _PAGE}},
    )
    async def export_proof(
        request: Request,
        customer_id: UUID,
        clear: Clear,
        *,
        format: Annotated[
            Literal["json", "html"], Query(description="A document, or a page to read.")
        ] = "json",
        language: Annotated[Literal["zh", "en"], Query(description="Of the page.")] = "zh",
        cursor: Cursor = None,
    ) -> Response:
        """What holds and every entry of the ledger with notice, evidence and times."""
        path = f"/v1/customers/{customer_id}/consents/proof"
        query = {"format": format, "language": language, "cursor": cursor, **clear}
        media_type = "text/html" if format == "html" else "application/json"
        return await forward(request, services.profile, path, query, media_type=media_type)


def _add_writes(router: APIRouter, services: Services, allow: Allow) -> None:
    writer = [Depends(allow("consent.write"))]

    @router.post(
        "/customers/{customer_id}/consents",
        summary="Record a customer's consents",
        dependencies=writer,
        responses={200: {"model": RecordedConsents}},
    )
    async def record_consents(request: Request, customer_id: UUID, asked: ConsentDecisions) -> Response:
        """Decisions are added to the ledger; none is ever changed. What took effect last holds."""
        return await forward_write(request, services.profile, f"/v1/customers/{customer_id}/consents")

    @router.post(
        "/consents/import",
        summary="Import consents that another system kept",
        dependencies=writer,
        responses={200: {"model": ImportedConsents}, 202: {"model": ImportedConsents}},
        openapi_extra=_LINES,
    )
    async def import_consents(request: Request) -> Response:
        """A JSON object a line: a decision with `item_id` and either `customer_id` or `identifier`.

        Lines are taken or refused one by one; an `item_id` taken before is not taken again. More than 200 lines become
        a job of profile-service (202).
        """
        return await forward_write(request, services.profile, "/v1/consents/import")
