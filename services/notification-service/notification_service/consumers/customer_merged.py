"""customer.merged: keep the memberships. Neither a merge nor its undo by itself ever sends anything."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import CUSTOMER_MERGED_TOPIC
from guanxi_contracts.customer import CustomerMergedV1, CustomerSplitV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import without_erased_moves
from notification_service.adapters.plan_store import PostgresPlanStore
from notification_service.application.commands import Membership


def subscription() -> Subscription:
    """Return the subscription that follows merges and undos."""

    async def handle(unit: Unit, received: Sequence[Received[CustomerMergedV1 | CustomerSplitV1]]) -> None:
        memberships = [
            Membership(moved.profile_id, item.event.data.customer_id, moved.membership_version)
            for item in await without_erased_moves(unit.connection, received)
            for moved in item.event.data.moved
        ]
        await PostgresPlanStore(unit.connection).keep_memberships(memberships)

    return Subscription(CUSTOMER_MERGED_TOPIC.name, CUSTOMER_MERGED_TOPIC.decoders, handle)
