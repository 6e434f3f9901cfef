"""task.changed: tell staff of tasks that they are given, and of those that are due."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import TASK_CHANGED_TOPIC
from guanxi_contracts.task import TaskChangedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from guanxi_kit.erasure import erased_among
from notification_service.application.notice_ports import Directory
from notification_service.consumers.occasions import plan_occasions
from notification_service.domain.notices import Occasion


def subscription(directory: Directory) -> Subscription:
    """Return the subscription; notices go to whom the directory knows. Tasks about erased persons are left out."""

    async def handle(unit: Unit, received: Sequence[Received[TaskChangedV1]]) -> None:
        tasks = [each.event.data for each in received]
        erased = await erased_among(unit.connection, {task.profile_id for task in tasks})
        found = [_occasion(task) for task in tasks if task.profile_id not in erased]
        await plan_occasions(unit, [one for one in found if one is not None], directory)

    return Subscription(TASK_CHANGED_TOPIC.name, TASK_CHANGED_TOPIC.decoders, handle)


def _occasion(task: TaskChangedV1) -> Occasion | None:
    """Return what somebody is to hear of a change, None where it is nothing."""
    if task.what in ("reminded", "overdue"):
        recipient: str | None = task.owner or f"team:{task.team}"
        template = f"task_{task.what}"
    else:
        recipient, template = task.assigned_to, "task_assigned"
    if recipient is None:
        return None
    return Occasion(
        identity=f"{task.task_id}/{task.version}/{template}",
        template=template,
        profile_id=task.profile_id,
        team=task.team,
        happened_at=task.changed_at,
        recipients=(recipient,),
        told={"team": task.team, "due_at": task.due_at.isoformat()},
        case_id=task.case_id,
        task_id=task.task_id,
    )
