"""customer.merged: after a merge and after its undo, the moved fragments belong to another customer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from guanxi_contracts.catalog import CUSTOMER_MERGED_TOPIC
from guanxi_contracts.customer import CustomerMergedV1, CustomerSplitV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import without_erased_moves
from interaction_service.application.recording import Belonging, MoveFragments, Recording, TimelineWriter

Event = CustomerMergedV1 | CustomerSplitV1


FollowUp = Callable[[Unit, Sequence[Received[Event]]], Awaitable[None]]


def subscription(
    recording: Recording, writer: Callable[[Unit], TimelineWriter], follow_up: FollowUp
) -> Subscription:
    """Return the subscription that follows merges and undos; `writer` writes within a unit's transaction."""

    async def handle(unit: Unit, received: Sequence[Received[Event]]) -> None:
        known = await without_erased_moves(unit.connection, received)
        await recording.move(command([item.event.data for item in known]), writer(unit))
        await follow_up(unit, known)

    return Subscription(CUSTOMER_MERGED_TOPIC.name, CUSTOMER_MERGED_TOPIC.decoders, handle)


def command(events: Sequence[Event]) -> MoveFragments:
    """Translate events."""
    return MoveFragments(
        [
            Belonging(moved.profile_id, event.customer_id, moved.membership_version)
            for event in events
            for moved in event.moved
        ]
    )
