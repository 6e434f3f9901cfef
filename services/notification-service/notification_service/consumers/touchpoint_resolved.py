"""touchpoint.resolved: keep the membership, and let a purchase start its journeys."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import without_erased_touchpoints
from notification_service.adapters.plan_store import PostgresPlanStore
from notification_service.application.commands import Membership, PurchaseMade
from notification_service.application.plan import take_in
from notification_service.domain.journeys import Journey


def subscription(journeys: Sequence[Journey]) -> Subscription:
    """Return the subscription that starts these journeys."""

    async def handle(unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        known = await without_erased_touchpoints(unit.connection, received)
        events = [item.event.data for item in known]
        await take_in(
            PostgresPlanStore(unit.connection),
            journeys,
            [Membership(event.profile_id, event.customer_id, event.membership_version) for event in events],
            [_purchase(event) for event in events if event.touchpoint.purchase is not None],
            unit.now,
        )

    return Subscription(TOUCHPOINT_RESOLVED_TOPIC.name, TOUCHPOINT_RESOLVED_TOPIC.decoders, handle)


def _purchase(event: TouchpointResolvedV1) -> PurchaseMade:
    touchpoint = event.touchpoint
    return PurchaseMade(
        touchpoint.touchpoint_id, event.profile_id, touchpoint.occurred_at, tuple(event.members)
    )
