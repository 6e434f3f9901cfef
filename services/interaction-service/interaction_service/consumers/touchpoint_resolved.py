"""touchpoint.resolved: record the touchpoint in its fragment's timeline, and what it calls for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from guanxi_contracts.catalog import TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Poison, Received, Subscription, Unit
from guanxi_kit.erasure import without_erased_touchpoints
from interaction_service.application.ports import TimelineRow
from interaction_service.application.recording import Belonging, Recording, RecordTouchpoints, TimelineWriter

MAX_BIGINT = 2**63


FollowUp = Callable[[Unit, Sequence[Received[TouchpointResolvedV1]]], Awaitable[None]]


def subscription(
    recording: Recording, writer: Callable[[Unit], TimelineWriter], follow_ups: Sequence[FollowUp]
) -> Subscription:
    """Return the subscription that records touchpoints; `writer` writes within a unit's transaction.

    `follow_ups` do in the same transaction what touchpoints call for: open a case, plan a survey, make a task.
    """

    async def handle(unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        known = await without_erased_touchpoints(unit.connection, received)
        await recording.record(command([item.event.data for item in known]), writer(unit))
        for follow_up in follow_ups:
            await follow_up(unit, known)

    return Subscription(TOUCHPOINT_RESOLVED_TOPIC.name, TOUCHPOINT_RESOLVED_TOPIC.decoders, handle)


def command(events: Sequence[TouchpointResolvedV1]) -> RecordTouchpoints:
    """Translate events. Raises Poison for one that no table could hold."""
    return RecordTouchpoints(
        rows=[_row(event) for event in events],
        belongings=[
            Belonging(member.profile_id, member.customer_id, member.membership_version)
            for event in events
            for member in (event, event.enterprise)
            if member is not None
        ],
    )


def _row(event: TouchpointResolvedV1) -> TimelineRow:
    touchpoint, purchase = event.touchpoint, event.touchpoint.purchase
    if "\0" in f"{touchpoint.name}{touchpoint.channel}{purchase and purchase.currency}":
        raise Poison("touchpoint: a text holds U+0000")
    if touchpoint.occurred_at.tzinfo is None or touchpoint.received_at.tzinfo is None:
        raise Poison("touchpoint: a time has no offset")
    if purchase and max(abs(purchase.amount_minor), abs(purchase.quantity)) >= MAX_BIGINT:
        raise Poison("touchpoint: a figure of its purchase is too large")
    return TimelineRow(
        touchpoint_id=touchpoint.touchpoint_id,
        profile_id=event.profile_id,
        occurred_at=touchpoint.occurred_at,
        received_at=touchpoint.received_at,
        channel=touchpoint.channel,
        kind=touchpoint.kind,
        name=touchpoint.name,
        amount_minor=purchase.amount_minor if purchase else None,
        currency=purchase.currency if purchase else None,
        quantity=purchase.quantity if purchase else None,
        sealed=touchpoint.sealed,
    )
