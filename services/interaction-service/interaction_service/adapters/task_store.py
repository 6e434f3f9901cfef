"""Tasks in PostgreSQL, within one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from guanxi_kit.timers import Timer, arm, disarm
from interaction_service.adapters.membership import KnowsCustomers
from interaction_service.adapters.task_rows import (
    opened,
    stored,
    task_aad,
    task_event_aad,
    task_of,
    task_values,
)
from interaction_service.application.task_ports import TaskEvent
from interaction_service.domain.tasks import Task

REMINDER, OVERDUE = "task.reminder", "task.overdue"

CASE = "SELECT profile_id, team FROM case_file WHERE case_id = $1"
HOLD = "SELECT * FROM task WHERE task_id = ANY($1::uuid[]) ORDER BY task_id FOR UPDATE"
SAID = "SELECT sealed FROM task WHERE task_id = $1"
IS_REPEAT = "SELECT FROM task_event WHERE task_id = $1 AND repeat_key = $2"
ADD = """
INSERT INTO task (task_id, profile_id, case_id, contact_id, source, rule, recurrence, series_id, occurrence, created_at,
  created_by, sealed, team, owner, state, due_at, remind_at, reminded_at, overdue_at, closed_at, changed_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
ON CONFLICT (task_id) DO NOTHING RETURNING task_id
"""
SAVE = """
UPDATE task SET team = $2, owner = $3, state = $4, due_at = $5, remind_at = $6, reminded_at = $7, overdue_at = $8,
  closed_at = $9, changed_at = $10, version = $11
WHERE task_id = $1
"""
ADD_EVENT = """
INSERT INTO task_event (task_id, seq, kind, at, actor, detail, repeat_key, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


class CaseRow(NamedTuple):
    """What a task takes over of its case."""

    profile_id: UUID
    team: str


class PostgresTasks(KnowsCustomers):
    """The `TaskStore` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def case_of(self, case_id: UUID) -> CaseRow | None:
        """Return a case; None where there is none."""
        row = await self._connection.fetchrow(CASE, case_id)
        return None if row is None else CaseRow(row["profile_id"], row["team"])

    async def add(self, task: Task, said: Mapping[str, Any] | None) -> bool:
        """Write a new task and set its timers; False, and nothing is written, where there is one with its id."""
        sealed = None
        if said is not None:
            sealed = self._keyring.seal(msgspec.json.encode(said), task_aad(task.task_id))
        written = await self._connection.fetchval(
            ADD,
            task.task_id,
            task.profile_id,
            task.case_id,
            task.contact_id,
            task.source,
            task.rule,
            stored(task.recurrence),
            task.series_id,
            task.occurrence,
            task.created_at,
            task.created_by,
            sealed,
            *task_values(task, task.created_at),
        )
        if written is not None:
            await self._set_timers([task])
        return written is not None

    async def hold(self, task_ids: Collection[UUID]) -> Mapping[UUID, Task]:
        """Return tasks, locked until the transaction ends; unknown ones are absent."""
        rows = await self._connection.fetch(HOLD, list(task_ids))
        return {row["task_id"]: task_of(row) for row in rows}

    async def said(self, task_id: UUID) -> Mapping[str, Any] | None:
        """Return title and notes; None when no key of this installation opens them."""
        return opened(self._keyring, await self._connection.fetchval(SAID, task_id), task_aad(task_id))

    async def is_repeat(self, task_id: UUID, repeat_key: bytes) -> bool:
        """Tell whether the task's history has an entry of this key."""
        return await self._connection.fetchrow(IS_REPEAT, task_id, repeat_key) is not None

    async def save(self, tasks: Sequence[Task], now: datetime) -> None:
        """Write how tasks stand now, and set their timers."""
        if tasks:
            await self._connection.executemany(
                SAVE, [(task.task_id, *task_values(task, now)) for task in tasks]
            )
            await self._set_timers(tasks)

    async def add_events(self, events: Sequence[TaskEvent]) -> None:
        """Append to the history of tasks."""
        if events:
            await self._connection.executemany(ADD_EVENT, [self._row(event) for event in events])

    def _row(self, event: TaskEvent) -> tuple[Any, ...]:
        sealed = None
        if event.said is not None:
            aad = task_event_aad(event.task_id, event.number)
            sealed = self._keyring.seal(msgspec.json.encode(event.said), aad)
        return (
            event.task_id,
            event.number,
            event.verb,
            event.at,
            event.actor,
            dict(event.detail),
            event.repeat_key,
            sealed,
        )

    async def _set_timers(self, tasks: Sequence[Task]) -> None:
        looks = [(REMINDER, task.task_id, task.next_reminder) for task in tasks]
        looks += [(OVERDUE, task.task_id, task.next_overdue) for task in tasks]
        await arm(self._connection, [Timer(kind, key, at) for kind, key, at in looks if at is not None])
        for timer in (REMINDER, OVERDUE):
            ended = [key for kind, key, at in looks if kind == timer and at is None]
            await disarm(self._connection, timer, ended)
