"""case.changed: keep how cases stand for the view."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_kit.consumer import Received, Subscription, Unit
from profile_service.adapters.case_store import PostgresCases
from profile_service.consumers.kept_for_view import keep_for_view


async def handle_cases(unit: Unit, received: Sequence[Received[CaseChangedV1 | CaseAlarmV1]]) -> None:
    """Handle one batch in its transaction; alarms are for others."""
    told = [
        (each.event.data.case_id, each.event.data, each.cause)
        for each in received
        if isinstance(each.event.data, CaseChangedV1)
    ]
    await keep_for_view(unit, told, PostgresCases(unit.connection), "cases")


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(CASE_CHANGED_TOPIC.name, CASE_CHANGED_TOPIC.decoders, handle_cases)
