"""privacy.receipt: what became of erasures in the other services."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import PRIVACY_RECEIPT_TOPIC
from guanxi_contracts.privacy import ErasureReceiptV1
from guanxi_kit.consumer import Received, Subscription, Unit
from profile_service.adapters.ledger_store import PostgresLedger
from profile_service.application.erasure_ports import Receipt


async def handle_receipts(unit: Unit, received: Sequence[Received[ErasureReceiptV1]]) -> None:
    """Handle one batch in its transaction."""
    told = [(each.event.data.request_id, _receipt(each.event.data)) for each in received]
    await PostgresLedger(unit.connection).tell(told, unit.now)


def _receipt(event: ErasureReceiptV1) -> Receipt:
    return Receipt(event.place, event.state, event.at, event.erased, event.legal_ground)


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(PRIVACY_RECEIPT_TOPIC.name, PRIVACY_RECEIPT_TOPIC.decoders, handle_receipts)
