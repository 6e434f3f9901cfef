"""What classification changed, as the events of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC, CUSTOMER_CLASSIFIED_TOPIC
from guanxi_contracts.classification import (
    SEGMENT_ENTERED,
    SEGMENT_LEFT,
    STAGE_CHANGED,
    TAG_CHANGED,
    SegmentEnteredV1,
    SegmentLeftV1,
    StageChangedV1,
    TagChangedV1,
)
from guanxi_contracts.customer import CUSTOMER_CHANGED, ChangedPart, CustomerChangedV1
from profile_service.adapters.publisher import SOURCE
from profile_service.domain.classification import Change

_CLASSIFIED = CUSTOMER_CLASSIFIED_TOPIC.name
_CHANGED = CUSTOMER_CHANGED_TOPIC.name


class Announcement(NamedTuple):
    """An event ready to be published, and the customer it is about."""

    customer_id: UUID
    topic: str
    value: bytes


def announce(changes: Sequence[Change], now: datetime) -> Iterator[Announcement]:
    """Yield the events of visible changes: each tag, segment and stage, then that the customer's view changed."""
    for change in changes:
        if not change.is_visible:
            continue
        for value in (*_tags(change, now), *_segments(change, now), *_stage(change, now)):
            yield Announcement(change.customer_id, _CLASSIFIED, value)
        if change.is_current:
            yield Announcement(change.customer_id, _CHANGED, _view_changed(change, now))


def _tags(change: Change, now: datetime) -> Iterator[bytes]:
    for present, tags in ((True, change.gained), (True, change.renewed), (False, change.lost)):
        for tag, standing in tags.items():
            event = TagChangedV1(
                customer_id=change.customer_id,
                tag=tag,
                present=present,
                source=standing.source,
                changed_at=now,
                expires_at=standing.expires_at if present else None,
            )
            yield TAG_CHANGED.encode(event, id=uuid4().hex, source=SOURCE, time=now)


def _segments(change: Change, now: datetime) -> Iterator[bytes]:
    for segment in change.entered:
        entered = SegmentEnteredV1(customer_id=change.customer_id, segment=segment, entered_at=now)
        yield SEGMENT_ENTERED.encode(entered, id=uuid4().hex, source=SOURCE, time=now)
    for segment in change.left:
        left = SegmentLeftV1(customer_id=change.customer_id, segment=segment, left_at=now)
        yield SEGMENT_LEFT.encode(left, id=uuid4().hex, source=SOURCE, time=now)


def _stage(change: Change, now: datetime) -> Iterator[bytes]:
    if change.stage is not None:
        event = StageChangedV1(
            customer_id=change.customer_id,
            stage=change.stage.stage,
            previous_stage=change.previous_stage,
            reason=change.stage.reason,
            changed_at=now,
        )
        yield STAGE_CHANGED.encode(event, id=uuid4().hex, source=SOURCE, time=now)


def _view_changed(change: Change, now: datetime) -> bytes:
    tags = sorted({*change.gained, *change.renewed, *change.lost})
    segments = sorted({*change.entered, *change.left})
    stages = [change.stage.stage] if change.stage else []
    parts: list[tuple[ChangedPart, list[str], bool]] = [
        ("tags", tags, bool(tags)),
        ("segments", segments, bool(segments)),
        ("lifecycle", stages, bool(stages) or change.stage_ended),
    ]
    event = CustomerChangedV1(
        customer_id=change.customer_id,
        changed=[part for part, _, changed in parts if changed],
        changed_at=now,
        names=[f"{part}:{name}" for part, names, _ in parts for name in names],
    )
    return CUSTOMER_CHANGED.encode(event, id=uuid4().hex, source=SOURCE, time=now)
