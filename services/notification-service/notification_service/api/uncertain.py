"""/v1/messages/uncertain: mails of whose fate nothing is known, and what a person decides about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict

from guanxi_kit.audit import Reading, StatedReason, masked, reading_for
from guanxi_kit.auth import Principal, require
from guanxi_kit.clock import Clock
from guanxi_kit.consumer import stream_unit
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.db import Database
from guanxi_kit.errors import Problem
from notification_service.adapters.dispatch_unit import STREAM
from notification_service.adapters.uncertain_store import Outcome, page_of_uncertain, settle_uncertain

FIELDS = "messages"


class UncertainDocument(BaseModel):
    """A mail that was handed over and of whose fate nothing is known; `mail_id` is its Message-ID."""

    kind: Literal["message", "notice"]
    message_id: UUID
    mail_id: str
    profile_id: UUID
    template: str
    recipient: str | None
    provider: str | None
    attempts: int
    planned_at: datetime
    changed_at: datetime


class UncertainPage(BaseModel):
    """A page, those that became uncertain last first."""

    items: list[UncertainDocument]
    next_cursor: str | None


class Because(BaseModel):
    """Why it is decided so."""

    model_config = ConfigDict(extra="forbid")

    reason: StatedReason


class Known(Because):
    """What became of the mail, as somebody found out: it went, or it is given up."""

    outcome: Literal["sent", "failed"]


class SettledDocument(BaseModel):
    """How the mail stands now."""

    message_id: UUID
    state: Literal["sent", "failed", "planned"]


@dataclass(frozen=True)
class UncertainDesk:
    """What the endpoints work with, as `app.state.uncertain`; `domain` is the right side of Message-IDs."""

    database: Database
    clock: Clock
    domain: str


async def _desk(request: Request) -> UncertainDesk:
    desk: UncertainDesk = request.app.state.uncertain
    return desk


router = APIRouter(prefix="/v1/messages", tags=["messages"])
Desk = Annotated[UncertainDesk, Depends(_desk)]
Writer = Annotated[Principal, Depends(require("message.settle"))]


@router.get("/uncertain", summary="List uncertain mails")
async def get_uncertain(
    desk: Desk,
    reading: Annotated[Reading, masked("message.settle", FIELDS)],
    *,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> UncertainPage:
    """Messages to customers and notices to staff, those that became uncertain last first."""
    after = None if cursor is None else decode_cursor(cursor)
    async with desk.database.connection() as connection:
        found = await page_of_uncertain(connection, after=after, limit=limit + 1)
    page = found[:limit]
    await reading.of({one.profile_id for one in page})
    return UncertainPage(
        items=[
            UncertainDocument(**one._asdict(), mail_id=f"<{one.message_id}@{desk.domain}>") for one in page
        ],
        next_cursor=encode_cursor(page[-1].changed_at, page[-1].message_id) if len(found) > limit else None,
    )


@router.post("/{message_id}/resend", summary="Send an uncertain mail again")
async def post_resend(
    message_id: UUID, because: Because, request: Request, desk: Desk, principal: Writer
) -> SettledDocument:
    """Once more, asking again for address and consent; whoever had it after all has it twice then."""
    return await _settle(desk, message_id, "planned", reading_for(request, principal, FIELDS, because.reason))


@router.post("/{message_id}/settle", summary="Say what became of an uncertain mail")
async def post_settle(
    message_id: UUID, known: Known, request: Request, desk: Desk, principal: Writer
) -> SettledDocument:
    """It went, as the mail server's log shows; or it is given up."""
    return await _settle(
        desk, message_id, known.outcome, reading_for(request, principal, FIELDS, known.reason)
    )


async def _settle(
    desk: UncertainDesk, message_id: UUID, outcome: Outcome, reading: Reading
) -> SettledDocument:
    by = reading.principal.subject
    # The worker's relay publishes: this process has none.
    async with stream_unit(desk.database, None, STREAM, desk.clock) as unit:
        about = await settle_uncertain(
            unit.connection, message_id, outcome, by=by, now=unit.now, emit=unit.emit
        )
        if about is None:
            raise Problem(404, detail="No mail with this id is uncertain.")
        # Before the commit: what cannot be accounted for stays.
        await reading.of([about], detail=f"{outcome} {message_id}")
    return SettledDocument(message_id=message_id, state=outcome)
