"""customer.merged: the moved fragments belong to the surviving customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guanxi_contracts.catalog import CUSTOMER_MERGED_TOPIC
from guanxi_contracts.customer import CustomerMergedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from interaction_service.application.recording import Belonging, MoveFragments, Recording, TimelineWriter


def subscription(recording: Recording, writer: Callable[[Unit], TimelineWriter]) -> Subscription:
    """Return the subscription that follows merges; `writer` writes within a unit's transaction."""

    async def handle(unit: Unit, received: Sequence[Received[CustomerMergedV1]]) -> None:
        await recording.move(command([item.event.data for item in received]), writer(unit))

    return Subscription(CUSTOMER_MERGED_TOPIC.name, CUSTOMER_MERGED_TOPIC.decoders, handle)


def command(events: Sequence[CustomerMergedV1]) -> MoveFragments:
    """Translate events."""
    return MoveFragments(
        [
            Belonging(moved.profile_id, event.customer_id, moved.membership_version)
            for event in events
            for moved in event.moved
        ]
    )
