"""Contacts of enterprises, and fields that the pack declares no purpose for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import require
from guanxi_kit.cursors import decode_cursor, decode_place, encode_cursor, encode_place
from guanxi_kit.errors import Problem
from guanxi_kit.masking import MASKED
from guanxi_kit.packs import RecordSettings
from profile_service.api.customers import State
from profile_service.application.read_record import ContactView, RecordReading, read_contact_page
from profile_service.application.record_ports import UndeclaredField

router = APIRouter(prefix="/v1", tags=["customers"])
ContactsReading = Annotated[Reading, maskable("customer.read", "contacts")]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=1000)]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Contacts:
    """A page of the persons who act for an enterprise, in the order in which they were first known."""

    items: list[ContactView]
    next_cursor: str | None


@dataclass(frozen=True)
class UndeclaredView:
    """A field that is collected although no purpose of the pack covers it; since when, until when, how often.

    `reason`: `undeclared` by the pack, or declared with `no_purpose`. The empty name stands for all fields together
    that are too many to be named.
    """

    name: str
    channel: str
    reason: Literal["undeclared", "no_purpose"]
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True)
class UndeclaredFields:
    """A page of undeclared fields, by name."""

    items: list[UndeclaredView]
    next_cursor: str | None


@router.get("/customers/{customer_id}/contacts", response_model=Contacts, summary="Contacts of an enterprise")
async def get_contacts(
    customer_id: UUID, state: State, reading: ContactsReading, *, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Who acts for it, in which role, since and until when. A person has no contacts."""
    after = None if cursor is None else decode_cursor(cursor)[1]
    people: list[UUID] = []
    async with state.reads() as reads:
        view, show = state.view, state.shown(reading)
        record = RecordReading(reads, view.declared, view.precedence, show, state.clock.now(), people.extend)
        page = await read_contact_page(customer_id, record, after, limit)
    if page is None:
        raise Problem(404, detail="There is no such customer.")
    await reading.of([customer_id, *people])
    following = None if page.next is None else encode_cursor(_BEGINNING, page.next)
    return Response(msgspec.json.encode(Contacts(list(page.items), following)), media_type="application/json")


@router.get(
    "/undeclared-fields",
    response_model=UndeclaredFields,
    summary="Fields that are told although no purpose covers them",
    dependencies=[Depends(require("stats.read"))],
)
async def get_undeclared_fields(state: State, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """What channels tell beyond what the pack asks for, by name and channel; names only, never values."""
    after = None if cursor is None else decode_place(cursor, tuple[str, str])
    async with state.reads() as reads:
        found = await reads.undeclared(after, limit + 1)
    items = [_view(field, state.pack.record) for field in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else encode_place((last.name, last.channel))
    return Response(msgspec.json.encode(UndeclaredFields(items, following)), media_type="application/json")


def _view(field: UndeclaredField, record: RecordSettings) -> UndeclaredView:
    reason: Literal["undeclared", "no_purpose"] = (
        "no_purpose" if field.name in record.fields else "undeclared"
    )
    return UndeclaredView(
        MASKED.content(field.name), field.channel, reason, field.first_at, field.last_at, field.times
    )
