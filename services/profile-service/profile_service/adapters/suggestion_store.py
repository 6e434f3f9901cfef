"""Suggested merges in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.merge_ports import Decision
from profile_service.application.suggestions import Place, Suggestion, SuggestionSource, SuggestionState

COLUMNS = """
SELECT suggestion_id, source, score, evidence, state, left_profile_id, right_profile_id,
  l.customer_id AS left_customer_id, r.customer_id AS right_customer_id, touchpoint_id, created_at, decided_at,
  decided_by, decision_reason
FROM merge_suggestion JOIN fragment AS l ON l.profile_id = left_profile_id
JOIN fragment AS r ON r.profile_id = right_profile_id
"""
ONE = COLUMNS + "WHERE suggestion_id = $1"
# An open suggestion about two who became one meanwhile asks nothing any more.
ASKED = """
WHERE state = $1 AND ($2::text IS NULL OR source = $2) AND ($1 <> 'open' OR l.customer_id <> r.customer_id)
"""
# In the order of the index, which puts those without a score first.
WITHOUT_SCORE = (
    COLUMNS
    + ASKED
    + """
AND score IS NULL AND ($4::uuid IS NULL OR suggestion_id > $4) ORDER BY suggestion_id LIMIT $3
"""
)
BY_SCORE = (
    COLUMNS
    + ASKED
    + """
AND score <= coalesce($5::float8, 'infinity') AND ($5::float8 IS NULL OR score < $5 OR suggestion_id > $4::uuid)
ORDER BY score DESC, suggestion_id LIMIT $3
"""
)
DECIDE = """
UPDATE merge_suggestion SET state = $2, decided_at = $3, decided_by = $4, decision_reason = $5
WHERE suggestion_id = $1 AND state = 'open'
"""
ANSWER = """
UPDATE merge_suggestion SET state = 'obsolete', decided_at = $2, decided_by = $3
FROM fragment AS l, fragment AS r
WHERE l.customer_id = $1 AND r.customer_id = $1 AND state = 'open'
  AND left_profile_id = l.profile_id AND right_profile_id = r.profile_id
"""
RULED_OUT = """
SELECT DISTINCT given.one, given.other
FROM unnest($1::uuid[], $2::uuid[]) AS given (one, other)
JOIN fragment AS one ON one.profile_id = given.one
JOIN fragment AS other ON other.profile_id = given.other
JOIN fragment AS l ON l.customer_id IN (one.customer_id, other.customer_id)
JOIN (
  SELECT left_profile_id, right_profile_id FROM merge_suggestion WHERE state = 'rejected'
  UNION ALL SELECT left_profile_id, right_profile_id FROM link_block
) AS refused ON refused.left_profile_id = l.profile_id
JOIN fragment AS r ON r.profile_id = refused.right_profile_id
WHERE r.customer_id IN (one.customer_id, other.customer_id) AND r.customer_id <> l.customer_id
"""


class PostgresSuggestions:
    """The `Suggestions` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def suggestion(self, suggestion_id: UUID) -> Suggestion | None:
        """Return a suggestion."""
        row = await self._connection.fetchrow(ONE, suggestion_id)
        return None if row is None else Suggestion(**row)

    async def page(
        self, state: SuggestionState, source: SuggestionSource | None, *, limit: int, after: Place | None
    ) -> Sequence[Suggestion]:
        """Return suggestions of a state; open ones only while the two are different customers."""
        rows: list[asyncpg.Record] = []
        if after is None or after.score is None:
            behind = after and after.suggestion_id
            rows += await self._connection.fetch(WITHOUT_SCORE, state, source, limit, behind)
            after = None
        if len(rows) < limit:
            score, behind = after or (None, None)
            rows += await self._connection.fetch(BY_SCORE, state, source, limit - len(rows), behind, score)
        return [Suggestion(**row) for row in rows]

    async def decide(self, suggestion_id: UUID, state: SuggestionState, decision: Decision) -> bool:
        """Close an open suggestion; False when it is open no more."""
        done: str = await self._connection.execute(
            DECIDE, suggestion_id, state, decision.at, decision.actor, decision.reason
        )
        return done == "UPDATE 1"

    async def answer(self, customer_id: UUID, decision: Decision) -> None:
        """Close the open suggestions whose two are one customer now."""
        await self._connection.execute(ANSWER, customer_id, decision.at, decision.actor)

    async def ruled_out(self, pairs: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Return those of these pairs of customers of whom a person said before that they are two.

        That is: by rejecting a suggestion of any source about them, or by undoing a merge of them. The ids may be of
        customers who were absorbed meanwhile: what counts is whom they belong to now.
        """
        rows = await self._connection.fetch(
            RULED_OUT, [one for one, _ in pairs], [other for _, other in pairs]
        )
        return {(row[0], row[1]) for row in rows}
