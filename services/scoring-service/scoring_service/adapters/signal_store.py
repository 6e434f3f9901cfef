"""What cases and answers to surveys add to the features of fragments, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from scoring_service.domain.features import Features

ADD = """
UPDATE feature AS f SET open_complaints = f.open_complaints + u.open, overdue_cases = f.overdue_cases + u.overdue,
    reopened_cases = f.reopened_cases + u.reopened, last_complaint_at = greatest(f.last_complaint_at, u.complaint),
    last_answer_at = greatest(f.last_answer_at, u.answer),
    last_low_answer_at = greatest(f.last_low_answer_at, u.low_answer)
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
    AS u(profile_id, open, overdue, reopened, complaint, answer, low_answer)
WHERE f.profile_id = u.profile_id
"""


class PostgresSignals:
    """The `SignalStore` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def add(self, added: Mapping[UUID, Features]) -> None:
        """Add to the features of fragments that are locked."""
        await self._connection.execute(
            ADD,
            list(added),
            [one.open_complaints for one in added.values()],
            [one.overdue_cases for one in added.values()],
            [one.reopened_cases for one in added.values()],
            [one.last_complaint_at for one in added.values()],
            [one.last_answer_at for one in added.values()],
            [one.last_low_answer_at for one in added.values()],
        )
