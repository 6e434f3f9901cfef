"""customer.merged: after a merge and after its undo, score the moved fragments with their customer."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import CUSTOMER_MERGED_TOPIC
from guanxi_contracts.customer import CustomerMergedV1, CustomerSplitV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import without_erased_moves
from scoring_service.adapters.events import publish_to
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.application.commands import RegroupFragments
from scoring_service.application.record import regroup_fragments
from scoring_service.domain.rfm import RfmRules

Event = CustomerMergedV1 | CustomerSplitV1


def subscription(rules: RfmRules) -> Subscription:
    """Return the subscription that follows merges and undos and scores by these rules."""

    async def handle(unit: Unit, received: Sequence[Received[Event]]) -> None:
        commands = [_command(item) for item in await without_erased_moves(unit.connection, received)]
        if not commands:
            return
        store = PostgresScoreStore(unit.connection)
        await regroup_fragments(store, rules, commands, unit.now, publish_to(unit.outbox))

    return Subscription(CUSTOMER_MERGED_TOPIC.name, CUSTOMER_MERGED_TOPIC.decoders, handle)


def _command(item: Received[Event]) -> RegroupFragments:
    event = item.event.data
    return RegroupFragments(
        customer_id=event.customer_id,
        former_customer_id=(
            event.absorbed_customer_id if isinstance(event, CustomerMergedV1) else event.parted_from
        ),
        moved=tuple((one.profile_id, one.membership_version) for one in event.moved),
        cause=item.cause,
    )
