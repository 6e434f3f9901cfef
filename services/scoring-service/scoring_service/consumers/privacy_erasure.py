"""privacy.erasure: remove everything about a person and say so."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from guanxi_contracts.catalog import PRIVACY_ERASURE_TOPIC
from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import receipt_of
from scoring_service.adapters.erasure_store import PostgresErasure
from scoring_service.adapters.events import publish_to
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.application.erase import erase
from scoring_service.domain.rfm import RfmRules

PLACE = "scoring-service"


def subscription(rules: RfmRules) -> Subscription:
    """Return the subscription that erases; scores that remain are made by these rules."""

    async def handle(unit: Unit, received: Sequence[Received[ErasureRequestedV1]]) -> None:
        erasure, store = PostgresErasure(unit.connection), PostgresScoreStore(unit.connection)
        for each in received:
            request = each.event.data
            publish = partial(publish_to(unit.outbox), each.cause)
            erased = await erase(request, erasure, store, rules, now=unit.now, publish=publish)
            receipt = receipt_of(request.request_id, PLACE, "done", erased, now=unit.now)
            unit.outbox.add(each.cause, *receipt, writer=PLACE)

    return Subscription(PRIVACY_ERASURE_TOPIC.name, PRIVACY_ERASURE_TOPIC.decoders, handle)
