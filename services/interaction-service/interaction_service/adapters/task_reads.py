"""Reading tasks: lists by keyset, one task with its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from interaction_service.adapters.task_rows import opened, task_aad, task_event_aad

HISTORY = 200

# What came of a task is the text of its last completion or cancelling.
LIST = """
SELECT task.*, member.customer_id, closing.seq AS closing_seq, closing.sealed AS closing_sealed
FROM task LEFT JOIN membership AS member USING (profile_id)
LEFT JOIN LATERAL (
  SELECT seq, sealed FROM task_event
  WHERE task_event.task_id = task.task_id AND kind IN ('completed', 'cancelled') ORDER BY seq DESC LIMIT 1
) AS closing ON task.state <> 'open'
WHERE {conditions} ORDER BY {order} LIMIT {limit}
"""
EVENTS = """
SELECT task_id, seq, kind, at, actor, detail, sealed FROM task_event WHERE task_id = $1 ORDER BY seq DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; None means all. Due times are half-open: from `due_from` on, before `due_before`.

    `reminded_by`: those whose reminder lies at that moment or before. `order` is a column of times.
    """

    profile_ids: Sequence[UUID] | None = None
    case_id: UUID | None = None
    owner: str | None = None
    team: str | None = None
    state: str | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None
    reminded_by: datetime | None = None
    order: Literal["due_at", "remind_at"] = "due_at"


class PostgresTaskReads:
    """Reads over one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def page(
        self, only: TaskFilter, limit: int, behind: tuple[datetime, UUID] | None = None
    ) -> list[asyncpg.Record]:
        """Return tasks, those due first before the others; `behind` is the place of the last one seen."""
        conditions, arguments = _conditions(only)
        if behind is not None:
            arguments += behind
            place = f"(${len(arguments) - 1}::timestamptz, ${len(arguments)}::uuid)"
            conditions.append(f"(task.{only.order}, task.task_id) > {place}")
        sql = LIST.format(
            conditions=" AND ".join(conditions) or "true",
            order=f"task.{only.order}, task.task_id",
            limit=int(limit),
        )
        return list(await self._connection.fetch(sql, *arguments))

    async def one(self, task_id: UUID) -> asyncpg.Record | None:
        """Return a task."""
        sql = LIST.format(conditions="task.task_id = $1", order="task.task_id", limit=1)
        return await self._connection.fetchrow(sql, task_id)

    async def events(self, task_id: UUID) -> list[asyncpg.Record]:
        """Return the newest of the history, in its order."""
        return list(reversed(await self._connection.fetch(EVENTS, task_id, HISTORY)))

    def said_of_task(self, row: asyncpg.Record) -> dict[str, Any] | None:
        """Return title and notes; None when no key of this installation opens them."""
        return opened(self._keyring, row["sealed"], task_aad(row["task_id"]))

    def outcome_of(self, row: asyncpg.Record) -> dict[str, Any] | None:
        """Return what came of a task that is no longer open; None where nobody said, and when no key opens it."""
        if row["closing_sealed"] is None:
            return None
        aad = task_event_aad(row["task_id"], row["closing_seq"])
        return opened(self._keyring, row["closing_sealed"], aad)

    def said_of_event(self, row: asyncpg.Record) -> dict[str, Any] | None:
        """Return what was said; None where nothing was, and when no key opens it."""
        return opened(self._keyring, row["sealed"], task_event_aad(row["task_id"], row["seq"]))


def _conditions(only: TaskFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    arguments: list[Any] = []
    for condition, value in (
        ("task.case_id = {}", only.case_id),
        ("task.owner = {}", only.owner),
        ("task.team = {}", only.team),
        ("task.due_at >= {}", only.due_from),
        ("task.due_at < {}", only.due_before),
        ("task.remind_at <= {}", only.reminded_by),
    ):
        if value is not None:
            arguments.append(value)
            conditions.append(condition.format(f"${len(arguments)}"))
    if only.profile_ids is not None:
        arguments.append(list(only.profile_ids))
        conditions.append(f"task.profile_id = ANY(${len(arguments)}::uuid[])")
    if only.state == "open":
        # As a constant, so that the indexes of open tasks serve every plan.
        conditions.append("task.state = 'open'")
    elif only.state is not None:
        arguments.append(only.state)
        conditions.append(f"task.state = ${len(arguments)}")
    return conditions, arguments
