"""Consents of customers: what they decided, what holds, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from guanxi_kit.audit import Reading, maskable, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.masking import mask_content
from profile_service.adapters.consent_reads import PostgresConsentReads
from profile_service.adapters.consenting import Consenting
from profile_service.api.commands import State, carry_out
from profile_service.api.merges import Cursor, Limit, encoded
from profile_service.api.moments import as_utc
from profile_service.api.state import ApiState
from profile_service.application.read_consents import (
    Check,
    ConsentEntry,
    CurrentConsent,
    check_consent,
    current_consents,
    show_entry,
)
from profile_service.application.record_consents import Decided, Fault, Outcome, Recorded
from profile_service.domain.consents import Decision

router = APIRouter(prefix="/v1", tags=["consents"])
Writer = Annotated[Principal, Depends(require("consent.write"))]
ConsentReading = Annotated[Reading, masked("consent.read", "consents")]
HistoryReading = Annotated[Reading, maskable("consent.read", "consent_history")]
MOST_AT_ONCE = 100
EVIDENCE_BYTES = 8192


def _bounded(evidence: JsonValue) -> JsonValue:
    if len(msgspec.json.encode(evidence)) > EVIDENCE_BYTES:
        raise ValueError(f"must not be larger than {EVIDENCE_BYTES} bytes of JSON")
    return evidence


class ConsentDecided(BaseModel):
    """What somebody decided, what he had been shown, and what proves it."""

    model_config = ConfigDict(extra="forbid")

    purpose: Annotated[str, Field(min_length=1, max_length=64)]
    channel: Annotated[
        str | None, Field(max_length=64, description="Without it: every channel of the purpose.")
    ] = None
    decision: Decision
    notice_version: Annotated[str | None, Field(pattern=r"^[^\x00-\x1f]{1,100}$")] = None
    evidence: Annotated[str | dict[str, JsonValue] | None, AfterValidator(_bounded)] = None
    source: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,100}$")] = "staff"
    effective_at: AwareDatetime | None = None
    item_id: Annotated[
        str | None, Field(min_length=1, max_length=200, description="Recognises a repeat.")
    ] = None

    def decided(self, given: UUID) -> Decided:
        """Return it as the command has it. Raises Problem when the time cannot be told in UTC."""
        return Decided(
            given=given,
            purpose=self.purpose,
            channel=self.channel,
            decision=self.decision,
            source=str(mask_content(self.source)),
            notice_version=self.notice_version,
            evidence=None if self.evidence is None else msgspec.json.encode(self.evidence).decode(),
            effective_at=None if self.effective_at is None else as_utc(self.effective_at, "effective_at"),
            item_id=self.item_id,
        )


class ConsentsDecided(BaseModel):
    """One decision or many of one customer: all are recorded, or none."""

    model_config = ConfigDict(extra="forbid")

    consents: Annotated[list[ConsentDecided], Field(min_length=1, max_length=MOST_AT_ONCE)]


@dataclass(frozen=True)
class RecordedEntry:
    """An entry of the ledger; `in_force` tells whether it changed what holds."""

    event_id: UUID
    purpose: str
    channel: str
    decision: Decision
    effective_at: datetime
    in_force: bool
    repeated: bool


@dataclass(frozen=True)
class ConsentsRecorded:
    """What became of the decisions."""

    customer_id: UUID
    recorded: list[RecordedEntry]


@dataclass(frozen=True)
class Consents:
    """What a customer has allowed: one page, for there are only so many purposes."""

    customer_id: UUID
    redirected_from: UUID | None
    items: list[CurrentConsent]
    next_cursor: None = None


@dataclass(frozen=True)
class ConsentHistory:
    """A page of the ledger, the last recorded first."""

    items: list[ConsentEntry]
    next_cursor: str | None


@router.post("/customers/{customer_id}/consents", response_model=ConsentsRecorded, summary="Record consents")
async def post_consents(
    customer_id: UUID, asked: ConsentsDecided, state: State, principal: Writer
) -> Response:
    """Append decisions to the ledger. They stay with the id given, also when a merge is undone later."""
    decisions = [each.decided(customer_id) for each in asked.consents]
    consenting = Consenting(state.pack.purposes, state.keyring)

    async def record(unit: StreamUnit) -> Outcome:
        outcome = await consenting.record(unit, decisions, principal.subject)
        refuse(outcome)
        return outcome

    outcome = await carry_out(state, record)
    async with state.reads() as reads:
        survivor = (await reads.siblings([customer_id]))[customer_id][0]
    return encoded(ConsentsRecorded(survivor, list(_recorded(outcome))))


@router.get(
    "/customers/{customer_id}/consents", response_model=Consents, summary="What a customer has allowed"
)
async def get_consents(customer_id: UUID, state: State, reading: ConsentReading) -> Response:
    """Every purpose and channel with whether it is allowed and which decision says so."""
    current, fragments = await _people(customer_id, state)
    async with state.database.connection() as connection:
        standings = await PostgresConsentReads(connection, state.keyring).standings(fragments)
    await reading.of(fragments)
    redirected = None if current == customer_id else customer_id
    return encoded(Consents(current, redirected, current_consents(standings, state.pack.purposes)))


@router.get(
    "/customers/{customer_id}/consents/history",
    response_model=ConsentHistory,
    summary="How a customer's consents came about",
)
async def get_history(
    customer_id: UUID, state: State, reading: HistoryReading, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The ledger's entries, the last recorded first."""
    before = None if cursor is None else decode_cursor(cursor)
    _, fragments = await _people(customer_id, state)
    async with state.database.connection() as connection:
        reads = PostgresConsentReads(connection, state.keyring)
        found = await reads.history(fragments, before, limit + 1)
    await reading.of(fragments)
    show = reading.shown
    page = [show_entry(each, show) for each in found[:limit]]
    more = encode_cursor(page[-1].recorded_at, page[-1].event_id) if len(found) > limit else None
    return encoded(ConsentHistory(page, more))


@router.get("/consents/check", response_model=Check, summary="May we?")
async def get_check(
    customer_id: UUID,
    purpose: Annotated[str, Query(max_length=64)],
    channel: Annotated[str, Query(max_length=64)],
    state: State,
    reading: ConsentReading,
) -> Response:
    """Whether a purpose is allowed on a channel now, with the reason."""
    declared = state.pack.purposes.root.get(purpose)
    if declared is None:
        raise wrong("purpose", "must be one of " + ", ".join(state.pack.purposes.root))
    if channel not in declared.channels:
        raise wrong("channel", "must be one of " + ", ".join(declared.channels))
    async with state.database.connection() as connection:
        reads = PostgresConsentReads(connection, state.keyring)
        found = await check_consent(customer_id, purpose, channel, reads, state.pack.purposes)
    if found is None:
        raise no_customer()
    check, fragments = found
    await reading.of(fragments, detail=f"{purpose}.{channel}")
    return encoded(check)


def refuse(outcome: Outcome) -> None:
    """Raise what is wrong with any of the decisions of one request, so that none of them is recorded."""
    faults = [(place, fault) for place, fault in enumerate(outcome.results) if isinstance(fault, Fault)]
    if not faults:
        return
    if any(fault.field == "customer_id" for _, fault in faults):
        raise no_customer()
    raise Problem(
        400,
        detail="The request is not valid.",
        errors=[FieldError(f"consents.{place}.{fault.field}", fault.reason) for place, fault in faults],
    )


def wrong(field: str, reason: str) -> Problem:
    """The problem of a field."""
    return Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)])


def no_customer() -> Problem:
    """The problem of an id that nobody ever had."""
    return Problem(404, detail="There is no such customer.")


async def _people(customer_id: UUID, state: ApiState) -> tuple[UUID, list[UUID]]:
    async with state.reads() as reads:
        found = await reads.siblings([customer_id])
    if customer_id not in found:
        raise no_customer()
    return found[customer_id]


def _recorded(outcome: Outcome) -> Any:
    for result in outcome.results:
        if isinstance(result, Recorded):
            for entry in result.entries:
                yield RecordedEntry(
                    entry.event_id,
                    entry.key.purpose,
                    entry.key.channel,
                    entry.decision,
                    entry.effective_at,
                    entry.key in outcome.in_force,
                    result.repeated,
                )
