"""Erasure: requests, certificates, the ledger, and partners who erase as well."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security
from fastapi.security import APIKeyHeader

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_stream, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Page
from guanxi_gateway.api.schemas.privacy import (
    CertificateVerdict,
    Erasure,
    ErasureAsked,
    ErasureCertificate,
    ErasurePage,
    ErasureReceiptGiven,
    ErasureState,
    LedgerReplay,
    LedgerReplayed,
    Partner,
    PartnerAsked,
    PartnerPage,
    PartnerReceipt,
    PartnerReceiptTaken,
)
from guanxi_gateway.api.schemas.privacy_examples import LEDGER_LINE

LEDGER_TYPE = "application/x-ndjson"
_SIGNED = frozenset((b"webhook-id", b"webhook-timestamp", b"webhook-signature"))
_NO_REQUEST: dict[int | str, dict[str, Any]] = {404: problem("There is no such request.")}
_PAGE = {
    "description": "JSON; or a page to read and print with `Accept: text/html`.",
    "model": ErasureCertificate,
    "content": {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>"}},
}
_LEDGER = {
    "description": "One entry a line, the oldest first. Nothing in it is personal data.",
    "content": {LEDGER_TYPE: {"schema": {"type": "string"}, "example": LEDGER_LINE}},
}
_signature = APIKeyHeader(
    name="webhook-signature",
    scheme_name="partnerSignature",
    description="The partner's signature of the body, as Standard Webhooks has it.",
    auto_error=False,
)


def privacy_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/privacy."""
    router = APIRouter(prefix="/v1/privacy", tags=["privacy"], responses=UPSTREAM_PROBLEMS)
    _add_requests(router, services, allow)
    _add_proofs(router, services, allow)
    _add_partners(router, services, allow)
    return router


def _add_requests(router: APIRouter, services: Services, allow: Allow) -> None:
    reader, writer = [Depends(allow("privacy.read"))], [Depends(allow("privacy.write"))]
    answers: dict[int | str, dict[str, Any]] = {200: {"model": Erasure}, **_NO_REQUEST}

    @router.post(
        "/erasures",
        summary="Erase a person",
        dependencies=writer,
        responses={
            200: {"model": Erasure},
            404: problem("There is no such customer."),
            409: problem("The identifier is in quarantine: name the customer."),
        },
    )
    async def erase_person(request: Request, asked: ErasureAsked) -> Response:
        """Processing stops at once; every service, topic and partner erases and says so. Repeatable."""
        return await forward_write(request, services.profile, "/v1/privacy/erasures")

    @router.get(
        "/erasures",
        summary="Read a page of requests for erasure",
        dependencies=reader,
        responses={200: {"model": ErasurePage}},
    )
    async def list_erasures(request: Request, page: Page, state: ErasureState | None = None) -> Response:
        """The newest first."""
        query = {"state": state, **page}
        return await forward(request, services.profile, "/v1/privacy/erasures", query)

    @router.get(
        "/erasures/{request_id}", summary="Read a request for erasure", dependencies=reader, responses=answers
    )
    async def read_erasure(request: Request, request_id: UUID) -> Response:
        """With the state of every place."""
        return await forward(request, services.profile, f"/v1/privacy/erasures/{request_id}")

    @router.post("/erasures/{request_id}/retry", summary="Ask again", dependencies=writer, responses=answers)
    async def retry_erasure(request: Request, request_id: UUID) -> Response:
        """Ask the places that have not answered again; those that have erased do nothing."""
        return await forward_write(request, services.profile, f"/v1/privacy/erasures/{request_id}/retry")

    @router.post(
        "/erasures/{request_id}/receipts",
        summary="Write down what became of a request in a place",
        dependencies=writer,
        responses={**answers, 409: problem("The place has already come further.")},
    )
    async def give_receipt(request: Request, request_id: UUID, given: ErasureReceiptGiven) -> Response:
        """Settle a place by hand, where it cannot tell by itself."""
        return await forward_write(request, services.profile, f"/v1/privacy/erasures/{request_id}/receipts")


def _add_proofs(router: APIRouter, services: Services, allow: Allow) -> None:
    reader, writer = [Depends(allow("privacy.read"))], [Depends(allow("privacy.write"))]

    @router.get(
        "/erasures/{request_id}/certificate",
        summary="Read the certificate of an erasure",
        dependencies=reader,
        responses={200: _PAGE, **_NO_REQUEST},
    )
    async def read_certificate(
        request: Request,
        request_id: UUID,
        lang: Annotated[Literal["zh", "en"] | None, Query(description="Language of the page.")] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """Each place with its state, time and counts, signed. An interim statement until it is complete."""
        path = f"/v1/privacy/erasures/{request_id}/certificate"
        media_type = "text/html" if "text/html" in accept else "application/json"
        return await forward(request, services.profile, path, {"lang": lang}, media_type=media_type)

    @router.post(
        "/certificates/verify",
        summary="Verify a certificate of erasure",
        dependencies=reader,
        responses={200: {"model": CertificateVerdict}},
    )
    async def verify_certificate(request: Request, certificate: ErasureCertificate) -> Response:
        """Whether it was issued here and nobody has changed it since."""
        return await forward_write(request, services.profile, "/v1/privacy/certificates/verify")

    @router.get(
        "/ledger",
        summary="Export the ledger of erasures",
        dependencies=reader,
        response_class=Response,
        responses={200: _LEDGER},
    )
    async def read_ledger(request: Request) -> Response:
        """Keep it beside backups: it is replayed once one was restored."""
        return await forward_stream(request, services.profile, "/v1/privacy/ledger", LEDGER_TYPE)

    @router.post(
        "/ledger/replay",
        summary="Replay the ledger of erasures",
        dependencies=writer,
        responses={200: {"model": LedgerReplayed}},
    )
    async def replay_ledger(request: Request, given: LedgerReplay) -> Response:
        """Erase again whoever came back with a backup. May be repeated."""
        return await forward_write(request, services.profile, "/v1/privacy/ledger/replay")


def _add_partners(router: APIRouter, services: Services, allow: Allow) -> None:
    reader, writer = [Depends(allow("privacy.read"))], [Depends(allow("privacy.write"))]

    @router.post(
        "/partners",
        summary="Register a partner who erases as well",
        dependencies=writer,
        responses={200: {"model": Partner}, 409: problem("There is a partner of this name.")},
    )
    async def register_partner(request: Request, asked: PartnerAsked) -> Response:
        """Every erasure from now on is told to it, signed as Standard Webhooks has it.

        A disabled one is registered anew by its name, with another address or secret.
        """
        return await forward_write(request, services.profile, "/v1/privacy/partners")

    @router.get(
        "/partners", summary="List partners", dependencies=reader, responses={200: {"model": PartnerPage}}
    )
    async def list_partners(request: Request) -> Response:
        """By name."""
        return await forward(request, services.profile, "/v1/privacy/partners")

    @router.post(
        "/partners/{partner_id}/disable",
        summary="Tell a partner of no further erasures",
        dependencies=writer,
        responses={200: {"model": Partner}, 404: problem("There is no such partner.")},
    )
    async def disable_partner(request: Request, partner_id: UUID) -> Response:
        """What it was told of already stays open until it answers."""
        return await forward_write(request, services.profile, f"/v1/privacy/partners/{partner_id}/disable")

    @router.post(
        "/partner-receipts",
        summary="Tell what became of an erasure, as a partner",
        dependencies=[Security(_signature)],
        responses={200: {"model": PartnerReceiptTaken}, **_NO_REQUEST},
    )
    async def tell_receipt(request: Request, told: PartnerReceipt) -> Response:
        """Signed with the partner's secret as the platform signs its callbacks; profile-service verifies it."""
        return await forward_write(request, services.profile, "/v1/privacy/partner-receipts", further=_SIGNED)
