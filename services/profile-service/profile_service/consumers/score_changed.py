"""score.changed: keep the newest score for the view."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import SCORE_CHANGED_TOPIC
from guanxi_contracts.score import ScoreChangedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from profile_service.adapters.publisher import publish_part
from profile_service.adapters.score_store import PostgresScores
from profile_service.application.store_scores import ScoreArrival, store_scores


async def handle_scores(unit: Unit, received: Sequence[Received[ScoreChangedV1]]) -> None:
    """Handle one batch in its transaction; scores of erased persons are left out."""
    scored = {each.event.data.customer_id for each in received}
    erased = await erased_among(unit.connection, scored)
    arrivals = [
        ScoreArrival(each.event.data, each.cause)
        for each in received
        if each.event.data.customer_id not in erased
    ]
    changed = await store_scores(arrivals, PostgresScores(unit.connection))
    publish_part("scores", changed, unit.outbox, unit.now)


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(SCORE_CHANGED_TOPIC.name, SCORE_CHANGED_TOPIC.decoders, handle_scores)
