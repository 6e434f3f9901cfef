"""customer.merged: score the moved fragments with the survivor."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import CUSTOMER_MERGED_TOPIC
from guanxi_contracts.customer import CustomerMergedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from scoring_service.adapters.events import publish_to
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.application.commands import MergeCustomers
from scoring_service.application.record import merge_customers
from scoring_service.domain.rfm import RfmRules


def subscription(rules: RfmRules) -> Subscription:
    """Return the subscription that follows merges and scores by these rules."""

    async def handle(unit: Unit, received: Sequence[Received[CustomerMergedV1]]) -> None:
        commands = [_command(item) for item in received]
        store = PostgresScoreStore(unit.connection)
        await merge_customers(store, rules, commands, unit.now, publish_to(unit.outbox))

    return Subscription(CUSTOMER_MERGED_TOPIC.name, CUSTOMER_MERGED_TOPIC.decoders, handle)


def _command(item: Received[CustomerMergedV1]) -> MergeCustomers:
    event = item.event.data
    return MergeCustomers(
        customer_id=event.customer_id,
        absorbed_customer_id=event.absorbed_customer_id,
        moved=tuple((one.profile_id, one.membership_version) for one in event.moved),
        cause=item.cause,
    )
