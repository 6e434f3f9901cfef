"""What a simulation of identity rules weighs, from PostgreSQL: customers page by page, and links that were refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from profile_service.application.simulate_rules import Page, RefusedLink, Structure
from profile_service.domain.rule_replay import HeldIdentifier, PastMerge

FRAGMENT_PAGE = """
SELECT profile_id, customer_id, joined FROM fragment WHERE profile_id > $1 ORDER BY profile_id LIMIT $2
"""
FRAGMENTS = """
SELECT customer_id, fragment.profile_id, type, hash, verified_at IS NOT NULL AS verified, first_seen_at
FROM fragment LEFT JOIN identifier ON identifier.profile_id = fragment.profile_id AND quarantined_at IS NULL
WHERE customer_id = ANY($1::uuid[])
"""
MERGES = """
SELECT customer.customer_id, merge_id, home_profile_id, owner_profile_id, rule, identifier_type, identifier_hash,
  verified_at IS NOT NULL AS verified, merged_at
FROM (SELECT customer_id, profile_id FROM fragment WHERE customer_id = ANY($1::uuid[])) AS customer
JOIN merge_journal ON home_profile_id = customer.profile_id AND undone_at IS NULL
LEFT JOIN identifier ON hash = identifier_hash
ORDER BY merged_at, merge_id
"""
# A strongest identifier that is none is the fragment of a customer who was named.
REFUSALS = """
SELECT refused.strongest_hash, refused.identifier_hash, refused.identifier_type, refused.reason, refused.last_at,
  coalesce(strongest.type, refused.identifier_type) AS through,
  coalesce(strongest.profile_id, named.profile_id) AS home,
  coalesce(other.profile_id, shut.former_profile_id) AS owner,
  other.quarantined_at IS NOT NULL AS quarantined, other.verified_at IS NOT NULL AS verified,
  coalesce(other.first_seen_at, refused.first_at) AS first_seen_at
FROM (
  SELECT * FROM link_refusal WHERE (strongest_hash, identifier_hash) > ($1::bytea, $2::bytea)
  ORDER BY strongest_hash, identifier_hash LIMIT $3) AS refused
LEFT JOIN identifier AS strongest ON strongest.hash = refused.strongest_hash
LEFT JOIN fragment AS named
  ON strongest.hash IS NULL AND named.profile_id = encode(refused.strongest_hash, 'hex')::uuid
LEFT JOIN identifier AS other ON other.hash = refused.identifier_hash
LEFT JOIN LATERAL (
  SELECT former_profile_id FROM identifier_event AS event
  WHERE event.hash = other.hash AND other.profile_id IS NULL AND kind = 'quarantined'
  ORDER BY at DESC LIMIT 1) AS shut ON true
ORDER BY refused.strongest_hash, refused.identifier_hash
"""
CUSTOMERS_OF = "SELECT profile_id, customer_id FROM fragment WHERE profile_id = ANY($1::uuid[])"
BEFORE_ALL = UUID(int=0)
TOTAL = """
SELECT (SELECT coalesce(sum(fragments) - sum(merges), 0) FROM totals)::bigint + (SELECT count(*) FROM link_refusal)
"""


class PostgresRuleReads:
    """The `RuleReads` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def total(self) -> int:
        """Return how many customers and refused links there are to look at."""
        total: int = await self._connection.fetchval(TOTAL)
        return total

    async def customers(self, after: UUID | None, limit: int) -> Page:
        """Look at the next fragments by id, of which each customer is one."""
        rows = await self._connection.fetch(FRAGMENT_PAGE, after or BEFORE_ALL, limit)
        found = [
            (profile_id, joined) for profile_id, customer_id, joined in rows if profile_id == customer_id
        ]
        joined_ones = [customer_id for customer_id, joined in found if joined]
        return Page(rows[-1][0] if rows else None, len(found), joined_ones)

    async def structures(self, customers: Collection[UUID]) -> Mapping[UUID, Structure]:
        """Return what customers consist of, and the merges that hold them together."""
        fragments: defaultdict[UUID, dict[UUID, list[HeldIdentifier]]] = defaultdict(dict)
        for customer_id, profile_id, *held in await self._connection.fetch(FRAGMENTS, list(customers)):
            owned = fragments[customer_id].setdefault(profile_id, [])
            if held[0] is not None:
                owned.append(HeldIdentifier(*held))
        merges: defaultdict[UUID, list[PastMerge]] = defaultdict(list)
        for row in await self._connection.fetch(MERGES, list(customers)):
            merges[row["customer_id"]].append(_merge(row))
        return {customer_id: Structure(held, merges[customer_id]) for customer_id, held in fragments.items()}

    async def refusals(
        self, after: tuple[bytes, bytes] | None, limit: int
    ) -> tuple[Sequence[RefusedLink], tuple[bytes, bytes] | None]:
        """Return the next refused links, and the place of the last one; None behind the last page."""
        rows = await self._connection.fetch(REFUSALS, *(after or (b"", b"")), limit)
        links = [
            RefusedLink(
                HeldIdentifier(
                    row["identifier_type"], row["identifier_hash"], row["verified"], row["first_seen_at"]
                ),
                row["through"],
                row["reason"],
                row["home"],
                row["owner"],
                row["quarantined"],
                row["last_at"],
            )
            for row in rows
        ]
        return links, ((rows[-1]["strongest_hash"], rows[-1]["identifier_hash"]) if rows else None)

    async def customers_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        rows = await self._connection.fetch(CUSTOMERS_OF, list(profile_ids))
        return {row[0]: row[1] for row in rows}


def _merge(row: asyncpg.Record) -> PastMerge:
    identifier = HeldIdentifier(
        row["identifier_type"], row["identifier_hash"], row["verified"], row["merged_at"]
    )
    return PastMerge(
        row["merge_id"],
        row["home_profile_id"],
        row["owner_profile_id"],
        identifier if row["rule"] == "identifier" else None,
        row["merged_at"],
    )
