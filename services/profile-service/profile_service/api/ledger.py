"""The ledger of erasures: to be kept beside backups, and replayed once one was restored."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from guanxi_contracts.privacy import LegalHold
from guanxi_kit.auth import require
from guanxi_kit.errors import FieldError, Problem
from profile_service.adapters.erasure_events import removed, requested
from profile_service.adapters.erasure_proofs import LEDGER, signature_of
from profile_service.adapters.erasure_reads import PostgresErasureReads
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.adapters.person_store import PostgresPersons
from profile_service.api.customers import State
from profile_service.api.privacy_schemas import Hold
from profile_service.api.state import ApiState
from profile_service.application.erase_customer import EraseAgain
from profile_service.application.erasure_ports import ErasureRequest

router = APIRouter(prefix="/v1/privacy/ledger", tags=["privacy"])
PAGE = 500
MOST_ENTRIES = 500
MEDIA_TYPE = "application/x-ndjson"
_ENCODE = msgspec.json.Encoder().encode
Hexadecimal = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class LedgerEntry(BaseModel):
    """Whom to erase, by ids and keyed hashes. `signature` says that this installation wrote it."""

    model_config = ConfigDict(extra="forbid")

    request_id: UUID
    requested_at: datetime
    customer_ids: Annotated[list[UUID], Field(max_length=10_000)]
    profile_ids: Annotated[list[UUID], Field(max_length=10_000)]
    tombstones: Annotated[list[Hexadecimal], Field(max_length=100_000)]
    holds: Annotated[list[Hold], Field(max_length=2)] = []
    signature: Hexadecimal


class LedgerReplay(BaseModel):
    """Entries of an exported ledger, in any order."""

    model_config = ConfigDict(extra="forbid")

    entries: Annotated[list[LedgerEntry], Field(min_length=1, max_length=MOST_ENTRIES)]


class LedgerReplayed(BaseModel):
    """How many entries were told to every service again, and how many this database did not know."""

    replayed: int
    erased_again: int


@router.get(
    "",
    summary="Export the ledger of erasures",
    dependencies=[Depends(require("privacy.read"))],
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def get_ledger(state: State) -> StreamingResponse:
    """One entry a line, the oldest first. Nothing in it is personal data."""
    return StreamingResponse(_lines(state), media_type=MEDIA_TYPE)


async def _lines(state: ApiState) -> AsyncIterator[bytes]:
    after: tuple[datetime, UUID] | None = None
    while True:
        async with state.database.connection() as connection:
            page = await PostgresErasureReads(connection).ledger(after, PAGE)
        if not page:
            return
        entries = (_signed(each.request, state) for each in page)
        yield b"".join(_ENCODE(entry) + b"\n" for entry in entries)
        last = page[-1].request
        after = (last.requested_at, last.request_id)


@router.post(
    "/replay", summary="Replay the ledger after a restore", dependencies=[Depends(require("privacy.write"))]
)
async def post_replay(given: LedgerReplay, state: State) -> LedgerReplayed:
    """Erase again whoever came back with a backup, here and in every service. May be repeated."""
    for number, entry in enumerate(given.entries):
        if not hmac.compare_digest(_signed(_request(entry), state)["signature"], entry.signature):
            raise Problem(
                400,
                detail="The request is not valid.",
                errors=[FieldError(f"entries.{number}.signature", "is not of this installation")],
            )
    erased_again = 0
    for entry in given.entries:
        erased_again += await _replay(_request(entry), state)
    return LedgerReplayed(replayed=len(given.entries), erased_again=erased_again)


async def _replay(request: ErasureRequest, state: ApiState) -> bool:
    erase_again = EraseAgain(KeyringSeals(state.keyring), state.backups)
    async with state.erasing() as unit:
        persons, ledger = PostgresPersons(unit.connection, state.keyring), PostgresLedger(unit.connection)
        removal = await erase_again(request, persons, ledger, unit.now)
        unit.emit(*requested(request, unit.now))
        if removal is not None:
            for published in removed(request, removal, unit.now):
                unit.emit(*published)
    return removal is not None


def _signed(request: ErasureRequest, state: ApiState) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "request_id": request.request_id,
        "requested_at": request.requested_at,
        "customer_ids": request.customer_ids,
        "profile_ids": request.profile_ids,
        "tombstones": [tombstone.hex() for tombstone in request.tombstones],
        "holds": request.holds,
    }
    return {**entry, "signature": signature_of(state.keyring, LEDGER, entry)}


def _request(entry: LedgerEntry) -> ErasureRequest:
    return ErasureRequest(
        request_id=entry.request_id,
        requested_at=entry.requested_at,
        customer_ids=entry.customer_ids,
        profile_ids=entry.profile_ids,
        tombstones=[bytes.fromhex(tombstone) for tombstone in entry.tombstones],
        holds=tuple(LegalHold(hold.kind, hold.ground) for hold in entry.holds),
    )
