"""GET /v1/customers/{customer_id}/consents/proof: everything that proves a customer's consents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from guanxi_kit import pages
from guanxi_kit.audit import Reading, maskable
from guanxi_kit.cursors import decode_cursor, encode_cursor
from profile_service.adapters.consent_reads import PostgresConsentReads
from profile_service.api.commands import State
from profile_service.api.consent_page import Language, proof_page
from profile_service.api.consents import no_customer
from profile_service.api.merges import Cursor, encoded
from profile_service.application.read_consents import (
    ConsentEntry,
    CurrentConsent,
    current_consents,
    show_entry,
)

router = APIRouter(prefix="/v1/customers/{customer_id}/consents", tags=["consents"])
ENTRIES = 500
"""Entries of one document; earlier ones follow with the cursor."""
_PAGE = {"text/html": {"schema": {"type": "string"}}}


@dataclass(frozen=True)
class ConsentProof:
    """What holds and every entry of the ledger with its notice and evidence, the last recorded first."""

    customer_id: UUID
    customer_number: str
    made_at: datetime
    current: list[CurrentConsent]
    entries: list[ConsentEntry]
    next_cursor: str | None


@router.get(
    "/proof",
    response_model=ConsentProof,
    responses={200: {"content": _PAGE}},
    summary="Proof of a customer's consents",
)
async def get_proof(
    customer_id: UUID,
    state: State,
    reading: Annotated[Reading, maskable("consent.read", "consent_proof")],
    *,
    format: Literal["json", "html"] = "json",
    language: Annotated[Language, Query(description="Of the page.")] = "zh",
    cursor: Cursor = None,
) -> Response:
    """As JSON or as a page to read and print. Evidence is masked unless clear values are asked for with a reason."""
    before = None if cursor is None else decode_cursor(cursor)
    async with state.reads() as reads:
        customer = await reads.customer(customer_id)
    if customer is None:
        raise no_customer()
    fragments = list(customer.fragments)
    async with state.database.connection() as connection:
        consents = PostgresConsentReads(connection, state.keyring)
        standings = await consents.standings(fragments)
        found = await consents.history(fragments, before, ENTRIES + 1)
    await reading.of(fragments)
    entries = [show_entry(each, reading.shown) for each in found[:ENTRIES]]
    more = encode_cursor(entries[-1].recorded_at, entries[-1].event_id) if len(found) > ENTRIES else None
    proof = ConsentProof(
        customer.customer_id,
        customer.customer_number,
        state.clock.now(),
        current_consents(standings, state.pack.purposes),
        entries,
        more,
    )
    if format == "json":
        return encoded(proof)
    page = proof_page(
        proof.customer_number, proof.made_at, proof.current, entries, language=language, next_cursor=more
    )
    return Response(page, media_type="text/html", headers=pages.HEADERS)
