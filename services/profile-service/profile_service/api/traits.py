"""Traits with their lineage: who says what, what held at a moment, how a value came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import Problem
from profile_service.api.customers import State
from profile_service.api.moments import as_utc
from profile_service.application.read_traits import HistoryItem, Traits, read_history, read_traits
from profile_service.domain.traits import Told

router = APIRouter(
    prefix="/v1/customers/{customer_id}/traits",
    tags=["customers"],
)
TraitsReading = Annotated[Reading, maskable("customer.read", "traits")]


@dataclass(frozen=True)
class TraitHistory:
    """A page of changes, the newest first."""

    items: list[HistoryItem]
    next_cursor: str | None


@router.get("", response_model=Traits, summary="Traits with their lineage, now or at a moment")
async def get_traits(
    customer_id: UUID, state: State, reading: TraitsReading, as_of: AwareDatetime | None = None
) -> Response:
    """What is believed of each trait, why, and what the other sources say.

    `as_of` asks for what was true at that moment, by what is known today and of whom the customer consists today.
    """
    moment = None if as_of is None else as_utc(as_of, "as_of")
    async with state.reads() as reads:
        found = await read_traits(customer_id, reads, state.view.precedence, moment, state.shown(reading))
    if found is None:
        raise Problem(404, detail="There is no such customer.")
    traits, people = found
    await reading.of(people)
    return Response(msgspec.json.encode(traits), media_type="application/json")


@router.get("/{name:path}/history", response_model=TraitHistory, summary="What was told of one trait")
async def get_history(
    customer_id: UUID,
    name: Annotated[str, Path(min_length=1, max_length=200)],
    state: State,
    reading: TraitsReading,
    *,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Every change that any source told, newest first; a value of null is a deletion."""
    before = None if cursor is None else Told(*decode_cursor(cursor))
    async with state.reads() as reads:
        page = await read_history(customer_id, name, reads, before, limit, show=state.shown(reading))
    if page is None:
        raise Problem(404, detail="There is no such customer.")
    await reading.of(page.fragments, detail="history")
    answer = TraitHistory(list(page.items), encode_cursor(*page.next) if page.next else None)
    return Response(msgspec.json.encode(answer), media_type="application/json")
