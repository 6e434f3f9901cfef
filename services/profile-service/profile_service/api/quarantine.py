"""The quarantine: identifiers that link nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.identifiers import Normalised
from profile_service.adapters.publisher import emit_changed
from profile_service.adapters.quarantine_store import PostgresQuarantine
from profile_service.api.commands import Reasoned, State, carry_out
from profile_service.api.customers import MAX_IDENTIFIER_CHARACTERS
from profile_service.api.merges import Cursor, Limit, encoded
from profile_service.api.state import ApiState
from profile_service.application.merge_ports import Decision
from profile_service.application.quarantine import (
    AlreadyShut,
    NoSuchIdentifier,
    NotShut,
    Quarantined,
    quarantine,
    release,
)

router = APIRouter(prefix="/v1/quarantine", tags=["merges"])
Writer = Annotated[Principal, Depends(require("merge.write"))]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="`hash` of the list.")]
_Text = Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER_CHARACTERS)]


class QuarantineAsked(Reasoned):
    """An identifier as people write it, and why it is to link nobody."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    value: _Text
    namespace: _Text | None = None


@dataclass(frozen=True)
class QuarantinePage:
    """What is in quarantine, the newest first."""

    items: list[Quarantined]
    next_cursor: str | None


@dataclass(frozen=True)
class QuarantineChanged:
    """An identifier by its `hash`, and the customer that lost it or has it now, if any."""

    hash: str
    customer_id: UUID | None


@router.get("", response_model=QuarantinePage, summary="Identifiers in quarantine")
async def list_quarantine(
    state: State,
    reading: Annotated[Reading, masked("merge.read", "quarantine")],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """With what put each there and whose it was; values are masked."""
    before = None
    if cursor is not None:
        at, last = decode_cursor(cursor)
        before = (at, last.bytes)
    async with state.database.connection() as connection:
        found = await PostgresQuarantine(connection, state.keyring).page(limit=limit + 1, before=before)
    page = list(found[:limit])
    more = len(found) > limit
    await reading.of({end for each in page for end in (each.profile_id, each.former_profile_id) if end})
    return encoded(
        QuarantinePage(page, encode_cursor(page[-1].quarantined_at, UUID(page[-1].hash)) if more else None)
    )


@router.post("", response_model=QuarantineChanged, summary="Put an identifier into quarantine")
async def post_quarantine(asked: QuarantineAsked, state: State, principal: Writer) -> Response:
    """From now on it links nobody; its owner loses it, what was merged by it stays merged until that is undone."""
    identifier_hash = _hash_of(asked, state)

    async def shut(unit: StreamUnit) -> UUID:
        decision = Decision(principal.subject, asked.kept_reason, unit.now)
        store = PostgresQuarantine(unit.connection, state.keyring)
        customer_id = await quarantine(identifier_hash, decision, store)
        _emit(customer_id, identifier_hash, unit)
        return customer_id

    try:
        customer_id = await carry_out(state, shut)
    except NoSuchIdentifier:
        raise Problem(404, detail="There is no such identifier.") from None
    except AlreadyShut:
        raise Problem(
            409,
            detail="The identifier is in quarantine already.",
            type="urn:guanxi:problem:already-quarantined",
        ) from None
    return encoded(QuarantineChanged(identifier_hash.hex(), customer_id))


@router.post("/{hash}/release", response_model=QuarantineChanged, summary="Release an identifier")
async def post_release(hash: Hash, asked: Reasoned, state: State, principal: Writer) -> Response:
    """It may link again: it stays with its own fragment if it has one, else it returns to whose it was."""
    identifier_hash = bytes.fromhex(hash)

    async def let_go(unit: StreamUnit) -> UUID | None:
        decision = Decision(principal.subject, asked.kept_reason, unit.now)
        store = PostgresQuarantine(unit.connection, state.keyring)
        customer_id = await release(identifier_hash, decision, store)
        if customer_id is not None:
            _emit(customer_id, identifier_hash, unit)
        return customer_id

    try:
        customer_id = await carry_out(state, let_go)
    except NoSuchIdentifier:
        raise Problem(404, detail="There is no such identifier.") from None
    except NotShut:
        raise Problem(
            409, detail="The identifier is not in quarantine.", type="urn:guanxi:problem:not-quarantined"
        ) from None
    return encoded(QuarantineChanged(hash, customer_id))


def _emit(customer_id: UUID, identifier_hash: bytes, unit: StreamUnit) -> None:
    # The hash tells nothing without the key; with the moment it names this change.
    occasion = f"{identifier_hash.hex()}/{unit.now.timestamp():.6f}"
    emit_changed(customer_id, "identifiers", occasion, unit.emit, unit.now)


def _hash_of(asked: QuarantineAsked, state: ApiState) -> bytes:
    normalised = state.identifier_rules.normalise(asked.type, asked.value, asked.namespace or "")
    if not isinstance(normalised, Normalised):
        fault = FieldError("type" if asked.type not in state.rank else "value", normalised.reason)
        raise Problem(400, detail="The request is not valid.", errors=[fault])
    return state.keyring.blind(f"{normalised.type}\0{normalised.namespace}", normalised.value)
