"""case.changed: complaints, overdue and reopened cases raise the risk."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_kit.consumer import Cause, Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from scoring_service.adapters.case_store import PostgresCases
from scoring_service.adapters.events import publish_to
from scoring_service.adapters.score_store import PostgresScoreStore
from scoring_service.application.commands import RecordCase
from scoring_service.application.record_signals import record_cases
from scoring_service.domain.rfm import RfmRules


def subscription(rules: RfmRules) -> Subscription:
    """Return the subscription that counts cases and scores by these rules; cases of erased persons are left out."""

    async def handle(unit: Unit, received: Sequence[Received[CaseChangedV1 | CaseAlarmV1]]) -> None:
        told = [
            (each.event.data, each.cause) for each in received if isinstance(each.event.data, CaseChangedV1)
        ]
        erased = await erased_among(unit.connection, {case.profile_id for case, _ in told})
        commands = [_command(case, cause) for case, cause in told if case.profile_id not in erased]
        connection = unit.connection
        await record_cases(
            PostgresScoreStore(connection),
            PostgresCases(connection),
            rules,
            commands,
            now=unit.now,
            publish=publish_to(unit.outbox),
        )

    return Subscription(CASE_CHANGED_TOPIC.name, CASE_CHANGED_TOPIC.decoders, handle)


def _command(case: CaseChangedV1, cause: Cause) -> RecordCase:
    return RecordCase(
        case_id=case.case_id,
        profile_id=case.profile_id,
        customer_id=case.customer_id,
        version=case.version,
        is_complaint=case.kind == "complaint",
        is_open=case.is_open,
        is_overdue=bool(case.breached),
        was_reopened=case.state == "reopened",
        opened_at=case.opened_at,
        cause=cause,
    )
