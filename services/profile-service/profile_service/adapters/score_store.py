"""Scores in PostgreSQL, each under the customer it was computed for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_contracts.score import ScoreChangedV1

KEEP = """
INSERT INTO customer_score AS standing (customer_id, revision, computed_at, document)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::jsonb[])
AS given (customer_id, revision, computed_at, document) ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET
  revision = excluded.revision, computed_at = excluded.computed_at, document = excluded.document
WHERE excluded.revision > standing.revision
RETURNING customer_id
"""
SURVIVORS = "SELECT profile_id, customer_id FROM fragment WHERE profile_id = ANY($1::uuid[])"


class PostgresScores:
    """The `Scores` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def keep(self, scores: Sequence[ScoreChangedV1]) -> set[UUID]:
        """Store scores that are newer than what is there; return whose changed. One score a customer."""
        rows = await self._connection.fetch(
            KEEP,
            [score.customer_id for score in scores],
            [score.revision for score in scores],
            [score.computed_at for score in scores],
            list(scores),
        )
        return {row[0] for row in rows}

    async def survivors(self, customers: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the customer that each of these belongs to now; unknown ones are absent."""
        rows = await self._connection.fetch(SURVIVORS, list(customers))
        return {row[0]: row[1] for row in rows}
