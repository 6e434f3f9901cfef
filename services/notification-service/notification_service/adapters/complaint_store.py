"""Who has an open complaint, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_contracts.case import CaseChangedV1

KEEP = """
INSERT INTO complaint AS standing (case_id, profile_id, version, is_open)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::boolean[]) AS given (case_id, profile_id, version, is_open)
ORDER BY case_id
ON CONFLICT (case_id) DO UPDATE SET version = excluded.version, is_open = excluded.is_open
WHERE excluded.version > standing.version
"""
# By the fragments that belong to the customers now; one that no membership is known of is a customer by itself.
COMPLAINING = """
SELECT DISTINCT asked.customer_id
FROM unnest($1::uuid[]) AS asked (customer_id)
CROSS JOIN LATERAL (
  SELECT profile_id FROM membership WHERE membership.customer_id = asked.customer_id
  UNION SELECT asked.customer_id
) AS fragment
JOIN complaint ON complaint.profile_id = fragment.profile_id AND complaint.is_open
"""


async def keep_complaints(connection: asyncpg.Connection[Any], complaints: Sequence[CaseChangedV1]) -> None:
    """Keep complaints, and what is none any more, where newer than what is there; one row a case."""
    await connection.execute(
        KEEP,
        [case.case_id for case in complaints],
        [case.profile_id for case in complaints],
        [case.version for case in complaints],
        [case.is_open and case.kind == "complaint" for case in complaints],
    )


async def complaining(connection: asyncpg.Connection[Any], customer_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of these customers who have an open complaint."""
    if not customer_ids:
        return frozenset()
    rows = await connection.fetch(COMPLAINING, list(customer_ids))
    return frozenset(row[0] for row in rows)
