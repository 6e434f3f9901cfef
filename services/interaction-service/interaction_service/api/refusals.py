"""What was refused: read, mended, replayed or discarded; and events that no pack names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import Principal, require
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.db import Database
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.masking import mask_content
from interaction_service.adapters.event_names import page_of_names
from interaction_service.adapters.refusals import (
    StoredRefusal,
    page_of_refusals,
    read_refusal,
    settle_refusal,
)
from interaction_service.api.ingest import not_stored
from interaction_service.application.masked_items import still_masked
from interaction_service.application.ports import Channel, Unavailable
from interaction_service.application.refusals import Origin, refusal_aad
from interaction_service.application.replaying import CannotReplay, Replay
from interaction_service.application.submission import Outcome

router = APIRouter(prefix="/v1", tags=["refusals"])
Reader = Annotated[Principal, Depends(require("refusal.read"))]
Writer = Annotated[Principal, Depends(require("refusal.write"))]
State = Literal["open", "quarantined", "replayed", "discarded"]
RefusalId = Annotated[UUID, Path()]
Limit = Annotated[int, Query(ge=1, le=200)]
ChannelFilter = Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")]
UNSETTLED = ("open", "quarantined")
_SEPARATOR = "\n"


@dataclass(frozen=True)
class RefusalDesk:
    """What these routes work with, in `app.state.refusals`."""

    database: Database
    keyring: Keyring
    clock: Clock
    replay: Replay


class RefusedItem(BaseModel):
    """A refused item; its content is read one by one."""

    refusal_id: UUID
    channel: str
    way: Literal["message", "event", "item", "body"]
    state: State
    received_at: datetime
    kept_until: datetime
    field: str
    reason: str
    settled_at: datetime | None
    settled_by: str | None


class RefusedPage(BaseModel):
    """A page, the newest first."""

    items: list[RefusedItem]
    next_cursor: str | None


class RefusedContent(RefusedItem):
    """A refused item with what was sent, masked unless it was asked for in clear; `item` is null if too large."""

    item: Any


class Mended(BaseModel):
    """What to send in place of the item; without it the item goes as it is."""

    model_config = ConfigDict(extra="forbid")

    item: Any = None


class Replayed(BaseModel):
    """What became of a replay."""

    refusal_id: UUID
    state: State
    accepted: int


class UnknownEvent(BaseModel):
    """An event that no pack names, or that violates its schema; the empty name stands for those beyond the bound."""

    channel: str
    name: str
    first_at: datetime
    last_at: datetime
    times: int
    violations: int
    reason: str | None


class UnknownEventPage(BaseModel):
    """A page by channel and name."""

    items: list[UnknownEvent]
    next_cursor: str | None


async def _desk(request: Request) -> RefusalDesk:
    desk: RefusalDesk = request.app.state.refusals
    return desk


Desk = Annotated[RefusalDesk, Depends(_desk)]


@router.get("/refusals", response_model=RefusedPage, summary="Refused items")
async def list_refusals(
    desk: Desk,
    _: Reader,
    channel: ChannelFilter = None,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Why each was refused, the newest first; kept for 30 days, or 7 where an item names nobody."""
    after = decode_cursor(cursor) if cursor else None
    async with desk.database.connection() as connection:
        found = await page_of_refusals(connection, channel, state, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    page = RefusedPage(
        items=[RefusedItem(**_shown(one)) for one in found[:limit]],
        next_cursor=encode_cursor(last.received_at, last.refusal_id) if last else None,
    )
    return _encoded(page)


@router.get("/refusals/{refusal_id}", response_model=RefusedContent, summary="One refused item")
async def get_refusal(
    refusal_id: RefusalId, desk: Desk, reading: Annotated[Reading, maskable("refusal.read", "refusal")]
) -> Response:
    """With what was sent."""
    async with desk.database.connection() as connection:
        found = await read_refusal(connection, refusal_id)
    if found is None:
        raise _nothing_here()
    origin = _opened(desk, found)
    await reading.of((), detail=str(refusal_id))
    return Response(
        msgspec.json.encode({**_shown(found), "item": reading.shown.content(_item(origin))}),
        media_type="application/json",
    )


@router.post("/refusals/{refusal_id}/replay", response_model=Replayed, summary="Send a refused item again")
async def post_replay(
    refusal_id: RefusalId,
    desk: Desk,
    principal: Writer,
    mended: Annotated[Mended | None, Body()] = None,
) -> Response:
    """As it is, or mended. It counts once, as if it came when it was refused; refused again it stays open."""
    item = mended.item if mended is not None and "item" in mended.model_fields_set else msgspec.UNSET
    async with desk.database.transaction() as connection:
        found = await read_refusal(connection, refusal_id, locked=True)
        found = _unsettled(found)
        channel = Channel(str(found.channel_id), found.channel, "")
        origin = _opened(desk, found)
        if (field := still_masked(_item(origin), item)) is not None:
            raise _refused("is masked: read the item in clear to mend it", field)
        try:
            outcome = await desk.replay.send(channel, found, origin, item)
        except CannotReplay as error:
            raise _refused(str(error)) from None
        except Unavailable:
            raise not_stored() from None
        failed = [*outcome.refused, *outcome.quarantined]
        if not failed and outcome.accepted:
            await settle_refusal(
                connection, refusal_id, state="replayed", field=found.field, reason=found.reason,
                at=desk.clock.now(), by=principal.subject,
            )  # fmt: skip
    if failed or not outcome.accepted:
        raise _refused_again(outcome)
    return _encoded(Replayed(refusal_id=refusal_id, state="replayed", accepted=outcome.accepted))


@router.post("/refusals/{refusal_id}/discard", response_model=Replayed, summary="Discard a refused item")
async def post_discard(refusal_id: RefusalId, desk: Desk, principal: Writer) -> Response:
    """It is of no use; who said so stays with it until it is removed."""
    async with desk.database.transaction() as connection:
        found = _unsettled(await read_refusal(connection, refusal_id, locked=True))
        await settle_refusal(
            connection, refusal_id, state="discarded", field=found.field, reason=found.reason,
            at=desk.clock.now(), by=principal.subject,
        )  # fmt: skip
    return _encoded(Replayed(refusal_id=refusal_id, state="discarded", accepted=0))


@router.get("/event-names", response_model=UnknownEventPage, summary="Events that no pack names")
async def list_event_names(
    desk: Desk,
    _: Reader,
    channel: ChannelFilter = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=700, pattern=r"^[^\x00]*\n[^\x00]*$")] = None,
) -> Response:
    """By channel and name, with how often they came; what violates its schema is listed as well."""
    after: tuple[str, str] | None = None
    if cursor is not None:
        before, _sep, name = cursor.partition(_SEPARATOR)
        after = (before, name)
    async with desk.database.connection() as connection:
        found = await page_of_names(connection, channel, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    items = [UnknownEvent(**{**one._asdict(), "name": str(mask_content(one.name))}) for one in found[:limit]]
    cursor = f"{last.channel}{_SEPARATOR}{last.name}" if last else None
    return _encoded(UnknownEventPage(items=items, next_cursor=cursor))


def _opened(desk: RefusalDesk, found: StoredRefusal) -> Origin:
    assert found.sealed is not None
    plain = desk.keyring.open(found.sealed, refusal_aad(found.refusal_id))
    return msgspec.json.decode(plain, type=Origin)


def _item(origin: Origin) -> Any:
    """Return what was sent: as JSON where it is, else as text."""
    if not origin.text:
        return None
    try:
        return msgspec.json.decode(origin.text)
    except (msgspec.MsgspecError, RecursionError):
        return origin.text


def _shown(found: StoredRefusal) -> dict[str, Any]:
    names = RefusedItem.model_fields
    return {name: value for name, value in found._asdict().items() if name in names}


def _unsettled(found: StoredRefusal | None) -> StoredRefusal:
    if found is None:
        raise _nothing_here()
    if found.state not in UNSETTLED:
        raise Problem(409, detail=f"The item is {found.state} already.")
    return found


def _refused(reason: str, field: str = "") -> Problem:
    fault = FieldError(f"item.{field}".strip("."), reason)
    return Problem(400, detail="The item cannot be sent.", errors=[fault])


def _refused_again(outcome: Outcome) -> Problem:
    faults = [*outcome.refused, *outcome.quarantined]
    errors = [FieldError(f"item.{one.field}".strip("."), one.reason) for one in faults]
    return Problem(
        400,
        detail="The item was refused again." if faults else "Nothing came of the item.",
        type="urn:guanxi:problem:refused",
        errors=errors,
    )


def _encoded(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


def _nothing_here() -> Problem:
    return Problem(404, detail="There is no such refused item.")
