"""task.changed: keep what is to be done about customers, for the view."""

from __future__ import annotations

from collections.abc import Sequence

from guanxi_contracts.catalog import TASK_CHANGED_TOPIC
from guanxi_contracts.task import TaskChangedV1
from guanxi_kit.consumer import Received, Subscription, Unit
from profile_service.adapters.task_store import PostgresTasks
from profile_service.consumers.kept_for_view import keep_for_view


async def handle_tasks(unit: Unit, received: Sequence[Received[TaskChangedV1]]) -> None:
    """Handle one batch in its transaction."""
    told = [(each.event.data.task_id, each.event.data, each.cause) for each in received]
    await keep_for_view(unit, told, PostgresTasks(unit.connection), "tasks")


def subscription() -> Subscription:
    """Return what to consume and who handles it."""
    return Subscription(TASK_CHANGED_TOPIC.name, TASK_CHANGED_TOPIC.decoders, handle_tasks)
