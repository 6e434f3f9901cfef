"""Which fragments make up which customer, in PostgreSQL, and the journal of how they came together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.ports import RULES, Authority, Tally
from profile_service.domain.decisions import Merge
from profile_service.domain.identity import Membership

LOCK = "SELECT 1 FROM customer WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id FOR NO KEY UPDATE"
MEMBERSHIPS = "SELECT profile_id, customer_id, version FROM fragment WHERE profile_id = ANY($1::uuid[])"
ENTERPRISES = "SELECT profile_id FROM fragment WHERE profile_id = ANY($1::uuid[]) AND kind = 'enterprise'"
MEMBERS = """
SELECT customer_id, array_agg(profile_id ORDER BY profile_id) AS members
FROM fragment WHERE customer_id = ANY($1::uuid[]) GROUP BY customer_id
"""
MOVE_FRAGMENTS = """
UPDATE fragment SET customer_id = given.customer_id, version = given.version, joined = true
FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS given (profile_id, customer_id, version)
WHERE fragment.profile_id = given.profile_id
"""
MARK_JOINED = "UPDATE fragment SET joined = true WHERE customer_id = ANY($1::uuid[]) AND NOT joined"
SHOW_ANEW = "UPDATE fragment SET version = version + 1 WHERE profile_id = ANY($1::uuid[])"
JOURNAL = """
INSERT INTO merge_journal
  (merge_id, customer_id, absorbed_customer_id, moved, touchpoint_id, identifier_type, identifier_hash,
  home_profile_id, owner_profile_id, strongest_hash, merged_at, rule, actor, reason)
SELECT merge_id, customer_id, absorbed_customer_id,
  (SELECT array_agg(moved::uuid) FROM unnest(string_to_array(given.moved, ' ')) AS each (moved)),
  touchpoint_id, identifier_type, identifier_hash, home_profile_id, owner_profile_id, strongest_hash, $11, $12,
  $13, $14
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::bytea[], $8::uuid[],
  $9::uuid[], $10::bytea[])
AS given (merge_id, customer_id, absorbed_customer_id, moved, touchpoint_id, identifier_type, identifier_hash,
  home_profile_id, owner_profile_id, strongest_hash)
"""
ADD_TOTALS = """
INSERT INTO totals AS standing (source, touchpoints, fragments, merges)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
AS given (source, touchpoints, fragments, merges) ORDER BY source
ON CONFLICT (source) DO UPDATE SET
  touchpoints = standing.touchpoints + excluded.touchpoints,
  fragments = standing.fragments + excluded.fragments,
  merges = standing.merges + excluded.merges
"""


class PostgresStructure:
    """The `Structure` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def memberships(self, profile_ids: Collection[UUID]) -> dict[UUID, Membership]:
        """Return the memberships of fragments; unknown ones are absent."""
        rows = await self._connection.fetch(MEMBERSHIPS, list(profile_ids))
        return {row[0]: Membership(row[1], row[2]) for row in rows}

    async def enterprises(self, profile_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these fragments that are an enterprise's."""
        return {row[0] for row in await self._connection.fetch(ENTERPRISES, list(profile_ids))}

    async def lock(self, customers: Collection[UUID]) -> None:
        """Lock customers until the transaction ends."""
        await self._connection.execute(LOCK, list(customers))

    async def members(self, customers: Collection[UUID]) -> dict[UUID, list[UUID]]:
        """Return the fragments of customers, oldest first."""
        return {row[0]: row[1] for row in await self._connection.fetch(MEMBERS, list(customers))}

    async def move(self, memberships: Mapping[UUID, Membership]) -> None:
        """Redirect existing fragments, whose customers the caller has locked, and note that they are not alone."""
        if memberships:
            await self._connection.execute(
                MOVE_FRAGMENTS,
                list(memberships),
                [membership.customer_id for membership in memberships.values()],
                [membership.version for membership in memberships.values()],
            )

    async def show_anew(self, profile_ids: Collection[UUID]) -> None:
        """Let the versions of views grow that show these fragments; they stay where they are."""
        if profile_ids:
            await self._connection.execute(SHOW_ANEW, sorted(profile_ids))

    async def mark_joined(self, customers: Collection[UUID]) -> None:
        """Note on all fragments of these customers that they are not alone."""
        await self._connection.execute(MARK_JOINED, list(customers))

    async def journal(self, merges: Sequence[Merge], now: datetime, by: Authority = RULES) -> None:
        """Insert merges with their evidence, and whose decision they are."""
        await self._connection.execute(
            JOURNAL,
            [merge.merge_id for merge in merges],
            [merge.customer_id for merge in merges],
            [merge.absorbed_customer_id for merge in merges],
            [" ".join(str(profile_id) for profile_id, _ in merge.moved) for merge in merges],
            [merge.touchpoint_id for merge in merges],
            [merge.identifier_type for merge in merges],
            [merge.identifier_hash for merge in merges],
            [merge.home_profile_id for merge in merges],
            [merge.owner_profile_id for merge in merges],
            [merge.strongest_hash for merge in merges],
            now,
            *by,
        )

    async def add_totals(self, totals: Mapping[str, Tally]) -> None:
        """Add to the totals; only the owner of a partition writes its row."""
        await self._connection.execute(
            ADD_TOTALS,
            list(totals),
            [tally.touchpoints for tally in totals.values()],
            [tally.fragments for tally in totals.values()],
            [tally.merges for tally in totals.values()],
        )
