"""privacy.erasure: remove everything about a person and say so."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import PRIVACY_ERASURE_TOPIC
from guanxi_contracts.privacy import ErasureRequestedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import arguments_of, carry_out, erase_alone, receipt_of, remember_erased
from notification_service.adapters.erasure_rules import RULES

PLACE = "notification-service"


async def handle_erasures(unit: Unit, received: Sequence[Received[ErasureRequestedV1]]) -> None:
    """Handle one batch in its transaction."""
    await erase_alone(unit.connection)
    for each in received:
        request = each.event.data
        await remember_erased(unit.connection, request.request_id, request.profile_ids, request.requested_at)
        erased = await carry_out(unit.connection, RULES, arguments_of(request))
        receipt = receipt_of(request.request_id, PLACE, "done", erased, now=unit.now)
        unit.outbox.add(each.cause, *receipt, writer=PLACE)


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(PRIVACY_ERASURE_TOPIC.name, PRIVACY_ERASURE_TOPIC.decoders, handle_erasures)
