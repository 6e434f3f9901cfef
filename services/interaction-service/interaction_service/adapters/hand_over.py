"""What somebody has, locked to be given to somebody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

# Those that somebody else has got meanwhile are left out: each is looked at again once it is locked.
CASES = "SELECT case_id FROM case_file WHERE owner = $1 AND is_open ORDER BY case_id LIMIT $2 FOR UPDATE"
TASKS = "SELECT task_id FROM task WHERE owner = $1 AND state = 'open' ORDER BY task_id LIMIT $2 FOR UPDATE"


async def open_cases_of(connection: asyncpg.Connection[Any], owner: str, limit: int) -> list[UUID]:
    """Return open cases that somebody has, locked until the transaction ends."""
    return [row[0] for row in await connection.fetch(CASES, owner, limit)]


async def open_tasks_of(connection: asyncpg.Connection[Any], owner: str, limit: int) -> list[UUID]:
    """Return open tasks that somebody has, locked until the transaction ends."""
    return [row[0] for row in await connection.fetch(TASKS, owner, limit)]
