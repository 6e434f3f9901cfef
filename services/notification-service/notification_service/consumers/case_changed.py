"""case.changed: know who has an open complaint, and tell staff of clocks that run out and of cases given to them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from notification_service.adapters.complaint_store import keep_complaints
from notification_service.application.notice_ports import Directory
from notification_service.consumers.occasions import plan_occasions
from notification_service.domain.notices import Occasion

Event = CaseAlarmV1 | CaseChangedV1
RECLASSIFIED = "reclassified"


def subscription(directory: Directory) -> Subscription:
    """Return the subscription; notices go to whom the directory knows. Cases of erased persons are left out."""

    async def handle(unit: Unit, received: Sequence[Received[Event]]) -> None:
        erased = await erased_among(unit.connection, {each.event.data.profile_id for each in received})
        known = [each for each in received if each.event.data.profile_id not in erased]
        await _keep_complaints(unit, known)
        found = [_occasion(each.event.data) for each in known]
        await plan_occasions(unit, [one for one in found if one is not None], directory)

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


def _occasion(told: Event) -> Occasion | None:
    """Return what somebody is to hear of an event, None where it is nothing."""
    return _alarm(told) if isinstance(told, CaseAlarmV1) else _assignment(told)


def _alarm(told: CaseAlarmV1) -> Occasion:
    number, team = told.number or str(told.case_id), told.team or ""
    return Occasion(
        identity=f"{told.case_id}/{told.cycle}/{told.clock}/{told.run}/{told.level}",
        template="case_alarm",
        profile_id=told.profile_id,
        team=team,
        happened_at=told.raised_at,
        recipients=tuple(told.recipients),
        told={
            "number": number,
            "team": team,
            "clock": told.clock,
            "level": told.level,
            "due_at": told.due_at.isoformat(),
        },
        case_id=told.case_id,
    )


def _assignment(case: CaseChangedV1) -> Occasion | None:
    if case.assigned_to is None:
        return None
    return Occasion(
        identity=f"{case.case_id}/{case.version}/assigned",
        template="case_assigned",
        profile_id=case.profile_id,
        team=case.team,
        happened_at=case.changed_at,
        recipients=(case.assigned_to,),
        told={
            "number": case.number or str(case.case_id),
            "team": case.team,
            "kind": case.kind,
            "priority": case.priority,
            "due_at": "" if case.next_due_at is None else case.next_due_at.isoformat(),
        },
        case_id=case.case_id,
    )
