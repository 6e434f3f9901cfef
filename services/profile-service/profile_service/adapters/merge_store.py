"""Commands on merges in PostgreSQL: the journal as edges between fragments, and who belongs to whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.adapters.identity_store import LOCK, MOVE_FRAGMENTS
from profile_service.application.merge_ports import Decision, JoinedByHand, StoredMerge
from profile_service.domain.identity import Membership
from profile_service.domain.parting import Edge

MERGE = """
SELECT merge_id, home_profile_id, owner_profile_id, identifier_hash, strongest_hash, undone_at, undone_by
FROM merge_journal WHERE merge_id = $1
"""
CUSTOMERS = "SELECT profile_id, customer_id FROM fragment WHERE profile_id = ANY($1::uuid[])"
MEMBERS = "SELECT profile_id, version FROM fragment WHERE customer_id = $1 ORDER BY profile_id"
# The home of an edge is a fragment of the same customer as its owner: one index finds all.
EDGES = """
SELECT merge_id, home_profile_id, owner_profile_id FROM merge_journal
WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NULL ORDER BY merged_at, merge_id
"""
JOIN = """
INSERT INTO merge_journal
  (merge_id, customer_id, absorbed_customer_id, moved, touchpoint_id, identifier_type, identifier_hash,
  home_profile_id, owner_profile_id, rule, actor, reason, merged_at)
VALUES ($1, $2, $3, $4, $1, 'manual', '', $5, $6, $7, $8, $9, $10)
"""
ANSWER = """
UPDATE merge_suggestion SET state = 'obsolete', decided_at = $2, decided_by = $3
FROM fragment AS l, fragment AS r
WHERE state = 'open' AND left_profile_id = l.profile_id AND right_profile_id = r.profile_id
  AND l.customer_id = ANY($1::uuid[]) AND r.customer_id = ANY($1::uuid[]) AND l.customer_id <> r.customer_id
"""
UNDO = """
UPDATE merge_journal SET undone_at = $2, undone_by = $3, undo_reason = $4 WHERE merge_id = $1 AND undone_at IS NULL
"""
BLOCK = """
INSERT INTO link_block
  (block_id, left_profile_id, right_profile_id, identifier_hash, strongest_hash, created_at, actor)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
MARK_JOINED = "UPDATE fragment SET joined = $2 WHERE profile_id = ANY($1::uuid[]) AND joined <> $2"
# Commands have a row of their own, so that they never wait for a worker's batch.
COUNT = """
INSERT INTO totals AS standing (source, touchpoints, fragments, merges) VALUES ($1, 0, 0, $2)
ON CONFLICT (source) DO UPDATE SET merges = standing.merges + excluded.merges
"""
SOURCE = "profile.commands"


class PostgresMergeJournal:
    """The `MergeJournal` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def lock(self, customers: Collection[UUID]) -> None:
        """Lock customers, in the order of their ids, until the transaction ends."""
        await self._connection.execute(LOCK, list(customers))

    async def merge(self, merge_id: UUID) -> StoredMerge | None:
        """Return a merge of the journal."""
        row = await self._connection.fetchrow(MERGE, merge_id)
        return None if row is None else StoredMerge(Edge(*row[:3]), *row[3:])

    async def customers_of(self, profile_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        rows = await self._connection.fetch(CUSTOMERS, list(profile_ids))
        return {row[0]: row[1] for row in rows}

    async def members(self, customer_id: UUID) -> dict[UUID, Membership]:
        """Return the fragments of a customer, oldest first."""
        rows = await self._connection.fetch(MEMBERS, customer_id)
        return {row[0]: Membership(customer_id, row[1]) for row in rows}

    async def edges(self, profile_ids: Collection[UUID]) -> Sequence[Edge]:
        """Return the merges that hold among all fragments of a customer, oldest first."""
        return [Edge(*row) for row in await self._connection.fetch(EDGES, list(profile_ids))]

    async def move(self, memberships: Mapping[UUID, Membership]) -> None:
        """Give fragments of locked customers their new memberships."""
        await self._connection.execute(
            MOVE_FRAGMENTS,
            list(memberships),
            [membership.customer_id for membership in memberships.values()],
            [membership.version for membership in memberships.values()],
        )

    async def mark_joined(self, profile_ids: Collection[UUID], joined: bool) -> None:
        """Note on fragments whether they are alone."""
        await self._connection.execute(MARK_JOINED, list(profile_ids), joined)

    async def join(self, joined: JoinedByHand, decision: Decision) -> None:
        """Record a merge by hand, before its fragments move; open suggestions that the two are one are answered."""
        both = [joined.customer_id, joined.absorbed_customer_id]
        await self._connection.execute(
            JOIN,
            joined.merge_id,
            *both,
            [profile_id for profile_id, _ in joined.moved],
            *joined.edge[1:],
            joined.rule,
            decision.actor,
            decision.reason,
            decision.at,
        )
        await self._connection.execute(ANSWER, both, decision.at, decision.actor)

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

    async def count_merges(self, merges: int) -> None:
        """Add to the total of merges that hold."""
        await self._connection.execute(COUNT, SOURCE, merges)
