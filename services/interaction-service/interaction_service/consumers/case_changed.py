"""case.changed: make the tasks that follow from what became of cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from guanxi_contracts.case import CaseAlarmV1, CaseChangedV1
from guanxi_contracts.catalog import CASE_CHANGED_TOPIC
from guanxi_kit.consumer import Received, Subscription, Unit

Event = CaseChangedV1 | CaseAlarmV1
MakeTasks = Callable[[Unit, Sequence[Received[Event]]], Awaitable[None]]


def subscription(make_tasks: MakeTasks) -> Subscription:
    """Return the subscription that makes tasks."""
    return Subscription(CASE_CHANGED_TOPIC.name, CASE_CHANGED_TOPIC.decoders, make_tasks)
