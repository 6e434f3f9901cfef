"""touchpoint.resolved: count the touchpoint."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import without_erased_touchpoints
from guanxi_kit.packs.record import STAFF
from scoring_service.adapters.events import publish_to
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.application.commands import PurchaseFact, RecordTouchpoint
from scoring_service.application.record import record_touchpoints
from scoring_service.domain.rfm import RfmRules

CONTACT = "Contact Recorded"
"""What staff tell of a call, a visit or a reception: of all that they enter the only sign of the customer."""


def subscription(rules: RfmRules) -> Subscription:
    """Return the subscription that counts touchpoints and scores by these rules."""

    async def handle(unit: Unit, received: Sequence[Received[TouchpointResolvedV1]]) -> None:
        known = await without_erased_touchpoints(unit.connection, received)
        commands = [_command(item) for item in known]
        store = PostgresScoreStore(unit.connection)
        await record_touchpoints(store, rules, commands, unit.now, publish_to(unit.outbox))

    return Subscription(TOUCHPOINT_RESOLVED_TOPIC.name, TOUCHPOINT_RESOLVED_TOPIC.decoders, handle)


def _command(item: Received[TouchpointResolvedV1]) -> RecordTouchpoint:
    event = item.event.data
    touchpoint = event.touchpoint
    purchase = touchpoint.purchase
    return RecordTouchpoint(
        profile_id=event.profile_id,
        customer_id=event.customer_id,
        membership_version=event.membership_version,
        occurred_at=touchpoint.occurred_at,
        purchase=None if purchase is None else PurchaseFact(purchase.amount_minor, purchase.currency),
        is_visit=touchpoint.channel != STAFF or touchpoint.name == CONTACT,
        cause=item.cause,
    )
