"""case.changed: know who has an open complaint."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from notification_service.adapters.complaint_store import keep_complaints


async def handle_cases(unit: Unit, received: Sequence[Received[CaseChangedV1 | CaseAlarmV1]]) -> None:
    """Handle one batch in its transaction; complaints of erased persons are left out."""
    newest: dict[UUID, CaseChangedV1] = {}
    for each in received:
        case = each.event.data
        if isinstance(case, CaseChangedV1) and case.kind == "complaint":
            standing = newest.get(case.case_id)
            if standing is None or standing.version < case.version:
                newest[case.case_id] = case
    erased = await erased_among(unit.connection, {case.profile_id for case in newest.values()})
    await keep_complaints(
        unit.connection, [case for case in newest.values() if case.profile_id not in erased]
    )


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(CASE_CHANGED_TOPIC.name, CASE_CHANGED_TOPIC.decoders, handle_cases)
