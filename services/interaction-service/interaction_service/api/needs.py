"""The need log: what customers state and do not get."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.cursors import NEWEST, decode_cursor, encode_cursor
from guanxi_kit.packs import NeedSettings
from interaction_service.adapters.need_store import PostgresNeeds, make_need_log
from interaction_service.api.answers import json_of, no_customer, people_of, wrong
from interaction_service.api.case_bodies import Line, Text
from interaction_service.api.cases import Cursor, Limit, RepeatKey
from interaction_service.api.commands import Commands
from interaction_service.application.desk_faults import NoSuchCustomer
from interaction_service.application.need_log import Kind, LogNeed, Need, NoSuchReason, NoSuchScene

router = APIRouter(prefix="/v1/customers/{customer_id}/needs", tags=["needs"])


class NeedLogged(BaseModel):
    """What a customer needs; scene and reason as the pack declares them."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    what: Text
    scene: Line
    reason: Line | None = None


class NeedStanding(BaseModel):
    """A need that was logged."""

    need_id: UUID
    profile_id: UUID
    kind: Kind
    scene: str
    reason: str | None
    actor: str
    logged_at: datetime


class NeedItem(NeedStanding):
    """A need in a list; what the customer said is masked."""

    what: str | None


class NeedPage(BaseModel):
    """Needs, the newest first."""

    items: list[NeedItem]
    next_cursor: str | None


@dataclass(frozen=True)
class NeedsState:
    """What the endpoints need, kept as `app.state.needs`."""

    commands: Commands
    keyring: Keyring
    settings: NeedSettings
    zone: ZoneInfo


async def needs_state(request: Request) -> NeedsState:
    """FastAPI dependency: the state of this application."""
    state: NeedsState = request.app.state.needs
    return state


Needs = Annotated[NeedsState, Depends(needs_state)]
_STANDING = tuple(NeedStanding.model_fields)


@router.post("", response_model=NeedStanding, summary="Log a need")
async def log_need(
    customer_id: UUID,
    body: NeedLogged,
    state: Needs,
    principal: Annotated[Principal, Depends(require("need.write"))],
    idempotency_key: RepeatKey = None,
) -> Response:
    """It stands on the timeline as `Need Logged`, too."""
    asked = LogNeed(
        customer_id, body.kind, body.what, body.scene, body.reason, principal.subject, idempotency_key
    )

    async def work(unit: StreamUnit) -> Need:
        return await make_need_log(unit, state.keyring, state.settings, state.zone).log(asked)

    try:
        need = await state.commands.carry_out(work)
    except NoSuchCustomer:
        raise no_customer() from None
    except NoSuchReason:
        raise wrong("reason", "is no reason of this pack") from None
    except NoSuchScene:
        raise wrong("scene", "is no scene of this pack") from None
    return json_of({name: getattr(need, name) for name in _STANDING})


@router.get("", response_model=NeedPage, summary="List the needs of a customer")
async def list_needs(
    *,
    request: Request,
    customer_id: UUID,
    state: Needs,
    reading: Annotated[Reading, maskable("case.read", "needs")],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The newest first, of all of the customer's fragments."""
    behind = NEWEST if cursor is None else decode_cursor(cursor)
    people = await people_of(request, customer_id)
    async with state.commands.database.connection() as connection:
        needs = PostgresNeeds(connection, state.keyring)
        found = await needs.page(people, limit + 1, behind)
    await reading.of(people)
    page = found[:limit]
    more = encode_cursor(page[-1]["logged_at"], page[-1]["need_id"]) if len(found) > limit else None
    items: list[dict[str, Any]] = []
    for row in page:
        what = needs.what_of(row)
        shown = None if what is None else reading.shown.content({"what": what})["what"]
        items.append({**{name: row[name] for name in _STANDING}, "what": shown})
    return json_of({"items": items, "next_cursor": more})
