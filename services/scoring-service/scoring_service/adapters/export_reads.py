"""A person's figures and scores as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg


class PostgresExportReads:
    """Reads on one connection; a person has a row for each fragment at most."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def features(self, profile_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """Return the figures of fragments."""
        rows = await self._connection.fetch(
            "SELECT * FROM feature WHERE profile_id = ANY($1::uuid[]) ORDER BY profile_id", profile_ids
        )
        return [dict(row) for row in rows]

    async def cases(self, profile_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """Return how the cases of fragments stand."""
        rows = await self._connection.fetch(
            "SELECT * FROM case_standing WHERE profile_id = ANY($1::uuid[]) ORDER BY case_id", profile_ids
        )
        return [dict(row) for row in rows]

    async def scores(self, profile_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """Return the scores under any of a person's ids."""
        rows = await self._connection.fetch(
            "SELECT * FROM customer_score WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id",
            profile_ids,
        )
        return [dict(row) for row in rows]
