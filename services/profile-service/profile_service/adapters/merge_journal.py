"""The journal as edges between fragments, in PostgreSQL, for commands that take one away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from profile_service.adapters.structure_store import PostgresStructure
from profile_service.application.merge_ports import Decision, StoredMerge
from profile_service.domain.parting import Edge

MERGE = """
SELECT merge_id, home_profile_id, owner_profile_id, identifier_hash, strongest_hash, undone_at, undone_by
FROM merge_journal WHERE merge_id = $1
"""
# The two ends of an edge that holds are of one customer: the index on one of them finds all.
EDGES = """
SELECT merge_id, home_profile_id, owner_profile_id FROM merge_journal
WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NULL ORDER BY merged_at, merge_id
"""
UNDO = """
UPDATE merge_journal SET undone_at = $2, undone_by = $3, undo_reason = $4 WHERE merge_id = $1
"""
BLOCK = """
INSERT INTO link_block
  (block_id, left_profile_id, right_profile_id, identifier_hash, strongest_hash, created_at, actor)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
# Most of what a view's version adds up. What is left out, and what others add at this moment, the margin covers.
RAISE_VIEWS = """
WITH whole AS (
  SELECT max(view_base) + sum(version) + coalesce(sum(seen.touchpoints), 0) + coalesce(sum(revision), 0) AS version
  FROM fragment LEFT JOIN customer_score AS score ON score.customer_id = fragment.profile_id
  LEFT JOIN LATERAL (
    SELECT sum(touchpoints) AS touchpoints FROM activity WHERE profile_id = fragment.profile_id) AS seen ON true
  WHERE fragment.profile_id = ANY($1::uuid[]))
UPDATE fragment SET view_base = whole.version + $3 FROM whole WHERE profile_id = ANY($2::uuid[])
"""
VIEW_MARGIN = 1_000_000
MARK_ALONE = "UPDATE fragment SET joined = false WHERE profile_id = $1 AND joined"


class PostgresJournal(PostgresStructure):
    """The `Journal` port within the transaction of one connection."""

    async def merge(self, merge_id: UUID) -> StoredMerge | None:
        """Return a merge of the journal."""
        row = await self._connection.fetchrow(MERGE, merge_id)
        return None if row is None else StoredMerge(Edge(*row[:3]), *row[3:])

    async def edges(self, profile_ids: Collection[UUID]) -> Sequence[Edge]:
        """Return the merges that hold among all fragments of a customer, oldest first."""
        return [Edge(*row) for row in await self._connection.fetch(EDGES, list(profile_ids))]

    async def undo(self, merge: StoredMerge, decision: Decision) -> None:
        """Note that a merge holds no more, and keep its evidence from merging the same two again."""
        edge = merge.edge
        await self._connection.execute(UNDO, edge.merge_id, decision.at, decision.actor, decision.reason)
        await self._connection.execute(
            BLOCK,
            edge.merge_id,
            *sorted((edge.home_profile_id, edge.owner_profile_id)),
            merge.identifier_hash,
            merge.strongest_hash,
            decision.at,
            decision.actor,
        )

    async def raise_views(self, profile_ids: Collection[UUID], heads: Collection[UUID]) -> None:
        """Let the views of these customers count from above what was shown of all these fragments together."""
        await self._connection.execute(RAISE_VIEWS, list(profile_ids), sorted(heads), VIEW_MARGIN)

    async def mark_alone(self, profile_id: UUID) -> None:
        """Note on a fragment that it is a customer by itself."""
        await self._connection.execute(MARK_ALONE, profile_id)
