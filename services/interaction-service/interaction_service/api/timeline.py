"""A customer's timeline and key moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, StringConstraints

from guanxi_kit.audit import Reading, maskable, masked
from guanxi_kit.packs import Labels
from interaction_service.api.answers import json_of, known_fragments, no_customer, wrong
from interaction_service.api.moment import in_utc
from interaction_service.api.schemas import Kind, Moments, Timeline
from interaction_service.application.message import JsonObject
from interaction_service.application.ports import KeyMoment, TimelineRow
from interaction_service.application.text_index import Question
from interaction_service.application.timeline import Entry, ReadTimeline, ShownContent, ids_of
from interaction_service.domain.page import BadCursor, Place
from interaction_service.domain.timeline_filter import TimelineFilter

router = APIRouter()
_PAGE_FIELDS = ("url", "path", "title", "referrer")
ChannelName = Annotated[str, StringConstraints(max_length=100)]
EventName = Annotated[str, StringConstraints(max_length=512)]


async def timeline_filter(
    *,
    kind: Annotated[list[Kind] | None, Query(max_length=6, description="Of any of these kinds.")] = None,
    channel: Annotated[
        list[ChannelName] | None, Query(max_length=50, description="Of any of these channels.")
    ] = None,
    event: Annotated[
        list[EventName] | None, Query(max_length=50, description="Of any of these names.")
    ] = None,
    begin: Annotated[AwareDatetime | None, Query(alias="from", description="Not before this.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this.")] = None,
    text: Annotated[
        str | None,
        Query(min_length=1, max_length=100, description="With each of these words in what was written."),
    ] = None,
    moments: Annotated[bool, Query(description="Key moments only.")] = False,
) -> TimelineFilter:
    """FastAPI dependency: what a request wants to see of a timeline."""
    opens, closes = in_utc("from", begin), in_utc("until", until)
    if opens and closes and opens >= closes:
        raise wrong("until", "must lie behind `from`")
    if text is not None and not Question(text).words:
        raise wrong("text", "holds no word to search for")
    return TimelineFilter(
        tuple(kind or ()), tuple(channel or ()), tuple(event or ()), opens, closes, text=text, moments=moments
    )


@router.get(
    "/v1/customers/{customer_id}/timeline",
    response_model=Timeline,
    summary="A customer's touchpoints over all channels, newest first",
)
async def read_timeline(
    *,
    request: Request,
    customer_id: UUID,
    reading: Annotated[Reading, maskable("timeline.read", "timeline")],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    only: Annotated[TimelineFilter, Depends(timeline_filter)],
) -> Response:
    """Return a page. Any id the customer ever had will do; `cursor` is the `next_cursor` of the page before."""
    query: ReadTimeline = request.app.state.timeline
    try:
        after = Place.from_cursor(cursor, only.binding) if cursor else None
    except BadCursor as error:
        raise wrong("cursor", str(error)) from None
    fragments = await known_fragments(request, customer_id)
    reading.begin(ids_of(fragments))
    page = await query.read(fragments, limit=limit, after=after, only=only, show=reading.shown)
    await reading.kept()
    document = {
        "items": [item(entry) for entry in page.entries],
        "next_cursor": page.next.to_cursor(only.binding) if page.next else None,
        "looked_back_to": page.next and page.next.occurred_at,
    }
    return json_of(document)


@router.get("/v1/customers/{customer_id}/moments", response_model=Moments, summary="A customer's key moments")
async def read_moments(
    request: Request, customer_id: UUID, reading: Annotated[Reading, masked("timeline.read", "moments")]
) -> Response:
    """Return those the customer had, the latest first."""
    query: ReadTimeline = request.app.state.timeline
    found = await query.moments(customer_id)
    if found is None:
        raise no_customer()
    moments, people = found
    await reading.of(people)
    labels: Mapping[str, Labels] = request.app.state.moment_labels
    latest = sorted(moments, key=lambda moment: moment.last[1:], reverse=True)
    items = [_moment(moment, labels[moment.name]) for moment in latest]
    return json_of({"items": items})


def _moment(moment: KeyMoment, labels: Labels) -> dict[str, Any]:
    return {
        "moment": moment.name,
        "labels": {"zh": labels.zh, "en": labels.en},
        "first_at": moment.first.occurred_at,
        "first_touchpoint_id": moment.first.touchpoint_id,
        "last_at": moment.last.occurred_at,
        "last_touchpoint_id": moment.last.touchpoint_id,
    }


async def fragments_of(request: Request, customer_id: UUID) -> list[UUID]:
    """Return the fragments of the customer that an id belongs to now."""
    query: ReadTimeline = request.app.state.timeline
    return ids_of(await query.fragments(customer_id))


def item(entry: Entry) -> dict[str, Any]:
    """Return an entry as it is shown."""
    row = entry.row
    return {
        "touchpoint_id": row.touchpoint_id,
        "profile_id": row.profile_id,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "channel": row.channel,
        "kind": row.kind,
        "name": row.name,
        "purchase": _purchase(row),
        "moments": entry.moments,
        "content": entry.content and _content(entry.content),
    }


def _purchase(row: TimelineRow) -> JsonObject | None:
    if row.amount_minor is None:
        return None
    return {"amount_minor": row.amount_minor, "currency": row.currency, "quantity": row.quantity}


def _content(content: ShownContent) -> JsonObject:
    page = content.page
    return {
        "properties": content.properties,
        "traits": content.traits,
        "group": content.group,
        "category": content.category,
        "actor": content.actor,
        "page": {name: _text(page.get(name)) for name in _PAGE_FIELDS} if isinstance(page, dict) else None,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
