"""/v1/timers: those that were set aside, in every service that has timers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from guanxi_kit.audit import StatedReason, reading_for
from guanxi_kit.auth import Principal, require
from guanxi_kit.clock import Clock
from guanxi_kit.cursors import decode_place, encode_place, wrong_cursor
from guanxi_kit.db import Database
from guanxi_kit.errors import Problem
from guanxi_kit.timers.aside import AsidePlace, Asides, drop_asides, page_of_asides, retry_asides

FIELDS = "timer"
Name = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]


class TimerDocument(BaseModel):
    """A timer that is out of the turn because its handler failed, and why; `key` is what it is about."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    key: UUID
    name: str
    due_at: datetime
    failed_at: datetime
    fault: str | None


class TimersDocument(BaseModel):
    """A page of timers, those that failed last first."""

    items: list[TimerDocument]
    next_cursor: str | None


class ChosenTimers(BaseModel):
    """All that were set aside of a kind, those about a key, or the one of a name."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[Name, StringConstraints(min_length=1)]
    key: UUID | None = None
    name: Name | None = None

    @model_validator(mode="after")
    def _name_of_key(self) -> ChosenTimers:
        if self.name is not None and self.key is None:
            raise ValueError("a name needs a key")
        return self

    @property
    def asides(self) -> Asides:
        """Which timers they are."""
        return Asides(self.kind, self.key, self.name)


class DroppedTimers(ChosenTimers):
    """Timers that are not to take effect any more, and why."""

    reason: StatedReason


class CountedTimers(BaseModel):
    """How many timers were concerned."""

    timers: int


@dataclass(frozen=True)
class TimersState:
    """What the endpoints work with; the application keeps it as `app.state.timers`."""

    database: Database
    clock: Clock


async def _state(request: Request) -> TimersState:
    state: TimersState = request.app.state.timers
    return state


router = APIRouter(prefix="/v1/timers", tags=["timers"])
State = Annotated[TimersState, Depends(_state)]
Writer = Annotated[Principal, Depends(require("timer.write"))]


@router.get("", dependencies=[Depends(require("timer.read"))], summary="List timers that were set aside")
async def get_timers(
    state: State,
    *,
    kind: Annotated[Name | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=800)] = None,
) -> TimersDocument:
    """Return a page, those that failed last first."""
    after = None if cursor is None else _place(cursor)
    async with state.database.connection() as connection:
        found = await page_of_asides(connection, kind, after=after, limit=limit + 1)
    page = found[:limit]
    return TimersDocument(
        items=[TimerDocument.model_validate(one) for one in page],
        next_cursor=encode_place(page[-1].place) if len(found) > limit else None,
    )


@router.post("/retry", dependencies=[Depends(require("timer.write"))], summary="Fire timers again")
async def post_retry(chosen: ChosenTimers, state: State) -> CountedTimers:
    """Give them another turn; one whose handler fails again is set aside again."""
    async with state.database.transaction() as connection:
        timers = await retry_asides(connection, chosen.asides, state.clock.now())
    return CountedTimers(timers=_some(timers))


@router.post("/drop", summary="Drop timers")
async def post_drop(
    dropped: DroppedTimers, request: Request, state: State, principal: Writer
) -> CountedTimers:
    """Remove them without effect; who did and why is kept in the access audit."""
    reading = reading_for(request, principal, FIELDS, dropped.reason)
    async with state.database.transaction() as connection:
        timers = _some(await drop_asides(connection, dropped.asides))
        # Before the commit: what cannot be accounted for stays.
        await reading.of((), detail=f"{timers} of {dropped.kind} {dropped.key or ''}".strip())
    return CountedTimers(timers=timers)


def _some(timers: int) -> int:
    if not timers:
        raise Problem(404, detail="No such timer was set aside.")
    return timers


def _place(cursor: str) -> AsidePlace:
    """Return the place in a cursor, as the database compares it. Raises Problem 400."""
    place = decode_place(cursor, AsidePlace)
    if place.failed_at.tzinfo is None or "\0" in place.kind + place.name:
        raise wrong_cursor()
    try:
        return place._replace(failed_at=place.failed_at.astimezone(UTC))
    except OverflowError:
        raise wrong_cursor() from None
