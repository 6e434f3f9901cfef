"""case.changed: know who has an open complaint, and tell staff of clocks that run out."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from notification_service.adapters.complaint_store import keep_complaints
from notification_service.adapters.notice_store import PostgresNotices
from notification_service.application.notice_ports import Directory
from notification_service.domain.notices import Alarm, plan_notices

Event = CaseAlarmV1 | CaseChangedV1
RECLASSIFIED = "reclassified"


def subscription(directory: Directory) -> Subscription:
    """Return the subscription; notices go to whom the directory knows. Cases of erased persons are left out."""

    async def handle(unit: Unit, received: Sequence[Received[Event]]) -> None:
        erased = await erased_among(unit.connection, {each.event.data.profile_id for each in received})
        known = [each for each in received if each.event.data.profile_id not in erased]
        await _keep_complaints(unit, known)
        await _plan_notices(unit, known, directory)

    return Subscription(CASE_CHANGED_TOPIC.name, CASE_CHANGED_TOPIC.decoders, handle)


async def _keep_complaints(unit: Unit, received: Sequence[Received[Event]]) -> None:
    newest: dict[UUID, CaseChangedV1] = {}
    for each in received:
        case = each.event.data
        # One that is found to be none any more was a complaint before.
        if isinstance(case, CaseChangedV1) and (case.kind == "complaint" or RECLASSIFIED in case.what):
            standing = newest.get(case.case_id)
            if standing is None or standing.version < case.version:
                newest[case.case_id] = case
    await keep_complaints(unit.connection, list(newest.values()))


async def _plan_notices(unit: Unit, received: Sequence[Received[Event]], directory: Directory) -> None:
    alarms = [_alarm(each.event.data) for each in received if isinstance(each.event.data, CaseAlarmV1)]
    planned = [
        notice
        for alarm in alarms
        for notice in plan_notices(
            alarm, {one: directory.find(one, alarm.team) for one in alarm.recipients}, unit.now
        )
    ]
    if planned:
        await PostgresNotices(unit.connection).plan(planned, unit.now)


def _alarm(told: CaseAlarmV1) -> Alarm:
    return Alarm(
        identity=f"{told.case_id}/{told.cycle}/{told.clock}/{told.run}/{told.level}",
        case_id=told.case_id,
        profile_id=told.profile_id,
        number=told.number or str(told.case_id),
        team=told.team or "",
        clock=told.clock,
        level=told.level,
        due_at=told.due_at,
        raised_at=told.raised_at,
        recipients=tuple(told.recipients),
    )
