"""case.changed: keep how cases stand for the view."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_kit.consumer import Cause, Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from profile_service.adapters.case_store import PostgresCases
from profile_service.adapters.publisher import publish_part


async def handle_cases(unit: Unit, received: Sequence[Received[CaseChangedV1 | CaseAlarmV1]]) -> None:
    """Handle one batch in its transaction; cases of erased persons are left out, alarms are for others."""
    told = [(each.event.data, each.cause) for each in received if isinstance(each.event.data, CaseChangedV1)]
    erased = await erased_among(unit.connection, {case.profile_id for case, _ in told})
    newest: dict[UUID, CaseChangedV1] = {}
    causes: dict[UUID, Cause] = {}
    for case, cause in told:
        standing = newest.get(case.case_id)
        if case.profile_id not in erased and (standing is None or standing.version < case.version):
            newest[case.case_id] = case
            causes[case.profile_id] = cause
    if not newest:
        return
    cases = PostgresCases(unit.connection)
    changed = await cases.keep(list(newest.values()))
    customers = await cases.customers(changed)
    by_customer = {customer: causes[profile_id] for profile_id, customer in customers.items()}
    publish_part("cases", by_customer, unit.outbox, unit.now)


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(CASE_CHANGED_TOPIC.name, CASE_CHANGED_TOPIC.decoders, handle_cases)
