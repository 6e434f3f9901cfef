"""What is to be done about customers, in PostgreSQL, each task under the fragment that it is kept under."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from guanxi_contracts.task import TaskChangedV1
from profile_service.adapters.fragment_owners import FragmentOwners
from profile_service.domain.view import TasksView, TaskView

MOST_SHOWN = 50
_SHOWN = tuple(TaskView.__dataclass_fields__)

# A task that changes as it did before, or comes late, is none of those returned.
KEEP = """
WITH kept AS (
  INSERT INTO customer_task AS standing (task_id, profile_id, version, is_open, due_at, document)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::boolean[], $5::timestamptz[], $6::jsonb[])
  AS given (task_id, profile_id, version, is_open, due_at, document) ORDER BY task_id
  ON CONFLICT (task_id) DO UPDATE SET version = excluded.version, is_open = excluded.is_open,
    due_at = excluded.due_at, document = excluded.document
  WHERE excluded.version > standing.version
  RETURNING task_id, profile_id)
INSERT INTO task_tally AS standing (profile_id, changes)
SELECT profile_id, count(*) FROM kept GROUP BY profile_id ORDER BY profile_id
ON CONFLICT (profile_id) DO UPDATE SET changes = standing.changes + excluded.changes
RETURNING profile_id
"""
TASKS = """
SELECT told.changes, shown.open, shown.document
FROM (SELECT sum(changes)::bigint AS changes FROM task_tally WHERE profile_id = ANY($1::uuid[])) AS told
LEFT JOIN LATERAL (
  SELECT count(*) OVER () AS open, due_at, task_id, document FROM customer_task
  WHERE profile_id = ANY($1::uuid[]) AND is_open ORDER BY due_at, task_id LIMIT $2
) AS shown ON told.changes > 0
"""


class PostgresTasks(FragmentOwners):
    """Keeps tasks within the transaction of one connection."""

    async def keep(self, tasks: Sequence[TaskChangedV1]) -> set[UUID]:
        """Store tasks that are newer than what is there; return the fragments whose tasks changed. One row a task."""
        rows = await self._connection.fetch(
            KEEP,
            [task.task_id for task in tasks],
            [task.profile_id for task in tasks],
            [task.version for task in tasks],
            [task.state == "open" for task in tasks],
            [task.due_at for task in tasks],
            [{name: getattr(task, name) for name in _SHOWN} for task in tasks],
        )
        return {row[0] for row in rows}

    async def read(self, profile_ids: Collection[UUID]) -> TasksView | None:
        """Return the open tasks of fragments; None where none was ever told."""
        rows = await self._connection.fetch(TASKS, list(profile_ids), MOST_SHOWN)
        if rows[0]["changes"] is None:
            return None
        shown = [row["document"] for row in rows if row["document"] is not None]
        return TasksView(
            rows[0]["open"] or 0, [TaskView(**document) for document in shown], rows[0]["changes"]
        )
