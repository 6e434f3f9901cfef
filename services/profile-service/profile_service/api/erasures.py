"""Requests for erasure."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from guanxi_contracts.privacy import LegalHold
from guanxi_kit.auth import Principal, require
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.identifiers import Normalised
from guanxi_kit.masking import mask_content
from profile_service.adapters.erasure_events import removed, requested
from profile_service.adapters.erasure_reads import PostgresErasureReads, StoredRequest
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.person_store import PostgresPersons
from profile_service.api.customers import State
from profile_service.api.privacy_schemas import (
    Erasure,
    ErasureAskedFor,
    Erasures,
    ErasureSummary,
    Hold,
    IdentifierAsked,
    Place,
    ReceiptGiven,
    RequestState,
)
from profile_service.api.state import ApiState
from profile_service.application.erase_customer import EraseCustomer, ErasureAsked, NoSuchPerson
from profile_service.application.erasure_ports import Receipt, SharedIdentifier
from profile_service.domain.erasure import ALARM_AFTER, DEADLINE

router = APIRouter(prefix="/v1/privacy/erasures", tags=["privacy"])
Writer = Annotated[Principal, Depends(require("privacy.write"))]
_READ = [Depends(require("privacy.read"))]
_NO_REQUEST = "There is no erasure request with this id."


@router.post("", summary="Erase a person everywhere")
async def post_erasure(asked: ErasureAskedFor, state: State, principal: Writer) -> Erasure:
    """Erase at once here; every other service, topic and partner follows. Asking again gives the standing request."""
    erase = EraseCustomer(KeyringSeals(state.keyring), state.clock, state.backups)
    command = ErasureAsked(
        customer_id=asked.customer_id,
        identifier_hash=None if asked.identifier is None else _hash(asked.identifier, state),
        reason=asked.reason,
        actor=principal.subject,
        holds=[LegalHold(hold.kind, hold.ground) for hold in asked.legal_holds],
    )
    async with state.erasing() as unit:
        persons, ledger = PostgresPersons(unit.connection, state.keyring), PostgresLedger(unit.connection)
        try:
            erased = await erase(command, persons, ledger)
        except NoSuchPerson:
            raise Problem(404, detail="There is no such customer.") from None
        except SharedIdentifier:
            raise Problem(
                409,
                detail="The identifier is in quarantine, for it is of several people: name the customer.",
                type="urn:guanxi:problem:shared-identifier",
            ) from None
        if erased.request is not None and erased.removal is not None:
            unit.emit(*requested(erased.request, unit.now))
            for published in removed(erased.request, erased.removal, unit.now):
                unit.emit(*published)
        return await _document(PostgresErasureReads(unit.connection), erased.request_id, state)


@router.get("", summary="List requests for erasure", dependencies=_READ)
async def get_erasures(
    state: State,
    only: Annotated[RequestState | None, Query(alias="state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Erasures:
    """Return a page of requests, the newest first."""
    before = None if cursor is None else decode_cursor(cursor)
    async with state.database.connection() as connection:
        reads = PostgresErasureReads(connection)
        found = await reads.page(only, before, limit + 1)
        page = found[:limit]
        progress = await reads.progress([each.request.request_id for each in page])
    last = page[-1].request if len(found) > limit else None
    return Erasures(
        items=[_summary(each, progress.get(each.request.request_id, {}), state) for each in page],
        next_cursor=None if last is None else encode_cursor(last.requested_at, last.request_id),
    )


@router.get("/{request_id}", summary="Read a request for erasure", dependencies=_READ)
async def get_erasure(request_id: UUID, state: State) -> Erasure:
    """Return a request with the state of every place."""
    async with state.database.connection() as connection:
        return await _document(PostgresErasureReads(connection), request_id, state)


@router.post("/{request_id}/retry", summary="Ask the places that have not answered again")
async def post_retry(request_id: UUID, state: State, _: Writer) -> Erasure:
    """Publish the request once more and call partners now: places that have erased already do nothing."""
    async with state.erasing() as unit:
        reads = PostgresErasureReads(unit.connection)
        stored = await reads.request(request_id)
        if stored is None:
            raise Problem(404, detail=_NO_REQUEST)
        unit.emit(*requested(stored.request, unit.now))
        await PostgresLedger(unit.connection).call_partners_now(request_id, unit.now)
        return await _document(reads, request_id, state)


@router.post("/{request_id}/receipts", summary="Write down what became of a request in a place")
async def post_receipt(request_id: UUID, given: ReceiptGiven, state: State, principal: Writer) -> Erasure:
    """Settle a place by hand, where it cannot tell by itself. What is done or retained stays so."""
    async with state.erasing() as unit:
        reads = PostgresErasureReads(unit.connection)
        places = {receipt.place for receipt in await reads.receipts(request_id)}
        if not places:
            raise Problem(404, detail=_NO_REQUEST)
        if given.place not in places:
            raise _wrong("place", "is no place of this request")
        receipt = Receipt(
            given.place,
            given.state,
            unit.now,
            legal_ground=given.legal_ground,
            detail=f"told by {principal.subject}",
        )
        if not await PostgresLedger(unit.connection).tell([(request_id, receipt)], unit.now):
            raise Problem(409, detail="The place has already come further.")
        return await _document(reads, request_id, state)


async def _document(reads: PostgresErasureReads, request_id: UUID, state: ApiState) -> Erasure:
    stored = await reads.request(request_id)
    if stored is None:
        raise Problem(404, detail=_NO_REQUEST)
    receipts = await reads.receipts(request_id)
    progress: dict[str, int] = {}
    for receipt in receipts:
        progress[receipt.state] = progress.get(receipt.state, 0) + 1
    summary = _summary(stored, progress, state)
    return Erasure(**dict(summary), places=[Place.model_validate(receipt) for receipt in receipts])


def _summary(stored: StoredRequest, progress: dict[str, int], state: ApiState) -> ErasureSummary:
    request = stored.request
    return ErasureSummary.model_validate(
        {
            "request_id": request.request_id,
            "state": stored.state,
            "requested_at": request.requested_at,
            "requested_by": stored.actor,
            # Written by hand: people put addresses and numbers into it.
            "reason": mask_content(
                KeyringSeals(state.keyring).open_reason(request.request_id, stored.sealed_reason)
            ),
            "alarm_at": request.requested_at + ALARM_AFTER,
            "deadline_at": request.requested_at + DEADLINE,
            "completed_at": stored.completed_at,
            "fragments": len(request.profile_ids),
            "suppressed": stored.suppressed,
            "legal_holds": [Hold.model_validate(hold) for hold in request.holds],
            "progress": progress,
        }
    )


def _hash(asked: IdentifierAsked, state: ApiState) -> bytes:
    normalised = state.identifier_rules.normalise(asked.type, asked.value, asked.namespace)
    if not isinstance(normalised, Normalised):
        raise _wrong("identifier", normalised.reason)
    return state.keyring.blind(f"{normalised.type}\0{normalised.namespace}", normalised.value)


def _wrong(field: str, reason: str) -> Problem:
    return Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)])
