"""Certificates of erasure: what became of a person in each place, signed."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from guanxi_kit import pages
from guanxi_kit.auth import require
from guanxi_kit.errors import Problem
from profile_service.adapters.erasure_proofs import ALGORITHM, CERTIFICATE, signature_of
from profile_service.adapters.erasure_reads import PostgresErasureReads
from profile_service.api.certificate_page import render_certificate
from profile_service.api.customers import State
from profile_service.api.privacy_schemas import ReceiptState, RequestState
from profile_service.domain.erasure import DEADLINE

router = APIRouter(prefix="/v1/privacy", tags=["privacy"])
_READ = [Depends(require("privacy.read"))]


class CertifiedPlace(BaseModel):
    """What became of the person's data in one place, since when, and how much of it there was."""

    model_config = ConfigDict(extra="forbid")

    place: str
    state: ReceiptState
    at: datetime
    erased: dict[str, int]
    legal_ground: str | None
    retained_until: datetime | None


class Statement(BaseModel):
    """What is certified. It is an interim one until `complete`."""

    model_config = ConfigDict(extra="forbid")

    request_id: UUID
    state: RequestState
    complete: bool
    requested_at: datetime
    completed_at: datetime | None
    deadline_at: datetime
    issued_at: datetime
    suppressed: int
    places: list[CertifiedPlace]


class Signature(BaseModel):
    """Made with a key of this installation, which alone can verify it."""

    model_config = ConfigDict(extra="forbid")

    algorithm: Literal["HMAC-SHA256-128"]
    value: str


class Certificate(BaseModel):
    """A statement and its signature."""

    model_config = ConfigDict(extra="forbid")

    statement: Statement
    signature: Signature


class Verdict(BaseModel):
    """Whether this installation issued a certificate as it stands."""

    valid: bool


@router.get(
    "/erasures/{request_id}/certificate",
    summary="Certificate of an erasure",
    dependencies=_READ,
    responses={200: {"model": Certificate, "content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def get_certificate(
    request_id: UUID,
    state: State,
    lang: Annotated[Literal["zh", "en"] | None, Query()] = None,
    accept: Annotated[str, Header()] = "",
    accept_language: Annotated[str, Header()] = "",
) -> Response:
    """JSON, or a page to read and print with `Accept: text/html`."""
    async with state.database.connection() as connection:
        reads = PostgresErasureReads(connection)
        stored = await reads.request(request_id)
        receipts = await reads.receipts(request_id)
    if stored is None:
        raise Problem(404, detail="There is no erasure request with this id.")
    statement: dict[str, Any] = {
        "request_id": request_id,
        "state": stored.state,
        "complete": stored.state == "complete",
        "requested_at": stored.request.requested_at,
        "completed_at": stored.completed_at,
        "deadline_at": stored.request.requested_at + DEADLINE,
        "issued_at": state.clock.now(),
        "suppressed": stored.suppressed,
        "places": [
            {
                "place": receipt.place,
                "state": receipt.state,
                "at": receipt.updated_at,
                "erased": receipt.erased,
                "legal_ground": receipt.legal_ground,
                "retained_until": receipt.retained_until,
            }
            for receipt in receipts
        ],
    }
    signature = signature_of(state.keyring, CERTIFICATE, statement)
    document = {"statement": statement, "signature": {"algorithm": ALGORITHM, "value": signature}}
    if "text/html" in accept:
        language = lang or ("en" if accept_language.lower().startswith("en") else "zh")
        return HTMLResponse(render_certificate(document, language), headers=pages.HEADERS)
    return Response(msgspec.json.encode(document), media_type="application/json")


@router.post("/certificates/verify", summary="Verify a certificate of erasure", dependencies=_READ)
async def post_verification(certificate: Certificate, state: State) -> Verdict:
    """Tell whether it was issued here and nobody has changed it since."""
    # As it was read: a time keeps its meaning, not its spelling.
    expected = signature_of(state.keyring, CERTIFICATE, _plain(certificate.statement))
    return Verdict(valid=hmac.compare_digest(expected.encode(), certificate.signature.value.encode()))


def _plain(statement: Statement) -> dict[str, Any]:
    return statement.model_dump(mode="python")
