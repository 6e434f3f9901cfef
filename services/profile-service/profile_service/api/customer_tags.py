"""One customer's classification: tags by hand, and the history of tags, segments and stages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.masking import mask_content
from guanxi_kit.packs.model import Slug
from profile_service.adapters.classification_events import announce
from profile_service.adapters.classification_reads import PostgresClassificationReads
from profile_service.adapters.hand_tag_store import PostgresHandTags
from profile_service.api.commands import State, carry_out
from profile_service.api.merges import encoded
from profile_service.api.moments import as_utc
from profile_service.api.state import ApiState
from profile_service.application.classify_customers import Classification
from profile_service.application.tag_by_hand import NotThere, TagRefused, TagWish, set_tag, take_tag_off
from profile_service.application.view_classification import ClassificationEvent, EventKind
from profile_service.domain.classification import Change
from profile_service.domain.classification_view import TagView

router = APIRouter(prefix="/v1/customers/{customer_id}", tags=["classification"])
Tagger = Annotated[Principal, Depends(require("tag.write"))]
HistoryReading = Annotated[Reading, masked("customer.read", "classification")]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=100)]
Act = Callable[[PostgresHandTags, Classification], Awaitable[tuple[UUID, list[Change]]]]


class TagSetting(BaseModel):
    """A tag to set by hand; without `expires_at` it lasts as its declaration says."""

    model_config = ConfigDict(extra="forbid")

    tag: Slug
    expires_at: AwareDatetime | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")] | None = None


@dataclass(frozen=True)
class CustomerTags:
    """The tags of a customer after a change."""

    customer_id: UUID
    tags: list[TagView]


@dataclass(frozen=True)
class ClassificationHistory:
    """What was set (`present`) and taken off when, the newest first.

    `source` says who did; a person has an `actor`. Of a stage `detail` holds the one before and the figures that
    decided, of a tag by hand when it was to end.
    """

    items: list[ClassificationEvent]
    next_cursor: str | None


@router.post("/tags", response_model=CustomerTags, summary="Set a tag by hand")
async def post_tag(customer_id: UUID, asked: TagSetting, state: State, principal: Tagger) -> Response:
    """Set or renew. The tag belongs to this id: it goes with it when a merge is undone."""
    reason = None if asked.reason is None else str(mask_content(asked.reason))
    until = None if asked.expires_at is None else as_utc(asked.expires_at, "expires_at")
    wish = TagWish(asked.tag, until, reason, principal.subject)
    return await _tagged(lambda tags, desk: set_tag(customer_id, wish, tags, desk), state)


@router.delete("/tags/{tag}", response_model=CustomerTags, summary="Take a tag off by hand")
async def delete_tag(
    customer_id: UUID, tag: Annotated[Slug, Path()], state: State, principal: Tagger
) -> Response:
    """It comes off the whole customer, whichever of the ids it was set on."""
    wish = TagWish(tag, None, None, principal.subject)
    return await _tagged(lambda tags, desk: take_tag_off(customer_id, wish, tags, desk), state)


@router.get("/tags/history", response_model=ClassificationHistory, summary="History of tags")
async def get_tag_history(
    customer_id: UUID, state: State, reading: HistoryReading, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Of all ids that are one customer now."""
    return await _history(customer_id, "tag", state, reading, _Page(limit, cursor))


@router.get("/segments/history", response_model=ClassificationHistory, summary="History of segments")
async def get_segment_history(
    customer_id: UUID, state: State, reading: HistoryReading, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Of all ids that are one customer now."""
    return await _history(customer_id, "segment", state, reading, _Page(limit, cursor))


@router.get("/lifecycle/history", response_model=ClassificationHistory, summary="History of the lifecycle")
async def get_stage_history(
    customer_id: UUID, state: State, reading: HistoryReading, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Stages with the rule that decided and the figures it read; of all ids that are one customer now."""
    return await _history(customer_id, "stage", state, reading, _Page(limit, cursor))


@dataclass(frozen=True)
class _Page:
    limit: int
    cursor: str | None


async def _tagged(act: Act, state: ApiState) -> Response:
    async def tag(unit: StreamUnit) -> CustomerTags:
        desk = await state.classifying.hold(unit.connection, unit.now)
        customer_id, changes = await act(PostgresHandTags(unit.connection), desk)
        for each in announce(changes, unit.now):
            unit.emit(each.topic, each.customer_id.bytes, each.value)
        found = await PostgresClassificationReads(unit.connection).classification(customer_id, [])
        return CustomerTags(customer_id, found.tags)

    try:
        return encoded(await carry_out(state, tag))
    except NotThere as error:
        raise Problem(404, detail=str(error)) from None
    except TagRefused as error:
        raise _refused(error) from None


def _refused(error: TagRefused) -> Problem:
    fault = FieldError(error.field, str(error))
    return Problem(400, detail="The tag cannot be set or taken off so.", errors=[fault])


async def _history(given: UUID, kind: EventKind, state: ApiState, reading: Reading, page: _Page) -> Response:
    before = None if page.cursor is None else decode_cursor(page.cursor)
    async with state.reads() as reads:
        fragments = (await reads.siblings([given])).get(given)
        if fragments is None:
            raise Problem(404, detail="There is no such customer.")
        people = fragments[1]
        found = await reads.classification_history(people, kind, before, page.limit + 1)
    items: list[Any] = list(found[: page.limit])
    await reading.of(people, detail=kind)
    more = encode_cursor(items[-1].at, items[-1].event_id) if len(found) > page.limit else None
    return encoded(ClassificationHistory(items, more))
