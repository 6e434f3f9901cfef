"""Of which customers staff know that they may be lost, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

STANDING = """
SELECT customer_id, revision, alarming FROM risk_alert WHERE customer_id = ANY($1::uuid[])
ORDER BY customer_id FOR UPDATE
"""
KEEP = """
INSERT INTO risk_alert (customer_id, revision, alarming)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::boolean[]) AS given (customer_id, revision, alarming)
ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET revision = excluded.revision, alarming = excluded.alarming
"""


class AtRisk(NamedTuple):
    """Whether a customer is one to be told of, as of a revision of the score."""

    customer_id: UUID
    revision: int
    alarming: bool


async def keep_newly_at_risk(connection: asyncpg.Connection[Any], told: Sequence[AtRisk]) -> set[UUID]:
    """Keep what is newer than what is there; return who is to be told of and was not before. One row a customer.

    Nothing is kept of customers who never were to be told of.
    """
    rows = await connection.fetch(STANDING, [one.customer_id for one in told])
    standing = {row["customer_id"]: AtRisk(*row) for row in rows}
    newer = [one for one in told if _is_news(one, standing.get(one.customer_id))]
    if newer:
        await connection.execute(KEEP, *(list(column) for column in zip(*newer, strict=True)))
    known = {customer_id for customer_id, before in standing.items() if before.alarming}
    return {one.customer_id for one in newer if one.alarming} - known


def _is_news(one: AtRisk, before: AtRisk | None) -> bool:
    return one.alarming if before is None else one.revision > before.revision
