"""Identifiers, fragments and customers in PostgreSQL. Every write goes in key order, so that workers do not cross."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from profile_service.adapters.structure_store import PostgresStructure
from profile_service.application.ports import NewFragment, SealedIdentifier
from profile_service.domain.decisions import Refusal
from profile_service.domain.identity import Census, Known, Membership

CLAIM = """
INSERT INTO seen_touchpoint (touchpoint_id)
SELECT DISTINCT touchpoint_id FROM unnest($1::uuid[]) AS given (touchpoint_id) ORDER BY touchpoint_id
ON CONFLICT DO NOTHING RETURNING touchpoint_id
"""
READ = """
SELECT identifier.hash, fragment.profile_id, fragment.customer_id, fragment.version, fragment.joined
FROM identifier JOIN fragment USING (profile_id)
WHERE identifier.hash = ANY($1::bytea[])
"""
COUNT = """
SELECT fragment.customer_id, fragment.profile_id, fragment.version, identifier.type, count(identifier.hash) AS held
FROM fragment LEFT JOIN identifier USING (profile_id)
WHERE fragment.customer_id = ANY($1::uuid[])
GROUP BY fragment.profile_id, identifier.type ORDER BY fragment.profile_id
"""
NUMBERS = """
SELECT nextval('customer_sequence') - opened.base AS number
FROM customer_number_day AS opened, generate_series(1, $2::int) WHERE opened.day = $1
"""
LOCK_DAY = "SELECT pg_advisory_xact_lock(hashtextextended('profile.customer_number_day', 0))"
OPEN_DAY = """
INSERT INTO customer_number_day (day, base) SELECT $1::date, nextval('customer_sequence')
WHERE NOT EXISTS (SELECT FROM customer_number_day WHERE day = $1)
"""
FOUND_FRAGMENTS = """
INSERT INTO fragment (profile_id, customer_id, version, founded_at)
SELECT profile_id, customer_id, version, $4 FROM unnest($1::uuid[], $2::uuid[], $3::int[])
AS given (profile_id, customer_id, version) ORDER BY profile_id
"""
FOUND_CUSTOMERS = """
INSERT INTO customer (customer_id, customer_number, created_at)
SELECT customer_id, customer_number, $3 FROM unnest($1::uuid[], $2::text[])
AS given (customer_id, customer_number) ORDER BY customer_id
"""
ATTACH = """
INSERT INTO identifier (hash, type, profile_id, sealed, first_seen_at, touchpoint_id)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::uuid[], $4::bytea[], $5::timestamptz[], $6::uuid[])
AS given (hash, type, profile_id, sealed, first_seen_at, touchpoint_id) ORDER BY hash
ON CONFLICT (hash) DO NOTHING
"""
REFUSE = """
INSERT INTO link_refusal AS standing
  (strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times, first_at, last_at)
SELECT strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times, $8, $8
FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::int[])
AS given (strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times)
ORDER BY strongest_hash, identifier_hash
ON CONFLICT (strongest_hash, identifier_hash) DO UPDATE SET
  times = standing.times + excluded.times, last_at = excluded.last_at, touchpoint_id = excluded.touchpoint_id,
  reason = excluded.reason, rule_type = excluded.rule_type
"""


class IdentifierTaken(asyncpg.SerializationError):  # type: ignore[misc]
    """Another transaction took the same new identifier first: a serialization failure, to be worked again."""


class PostgresIdentities(PostgresStructure):
    """The `Identities` port within the transaction of one connection."""

    async def claim(self, touchpoint_ids: Collection[UUID]) -> set[UUID]:
        """Remember touchpoints for ever and return those never seen before."""
        rows = await self._connection.fetch(CLAIM, list(touchpoint_ids))
        return {row[0] for row in rows}

    async def read(self, hashes: Collection[bytes]) -> Known:
        """Return what is known of these identifiers, without any census."""
        known = Known()
        if hashes:
            owners, memberships = known.owners, known.memberships
            for hash_, profile_id, customer_id, version, joined in await self._connection.fetch(
                READ, list(hashes)
            ):
                owners[hash_] = profile_id
                memberships[profile_id] = Membership(customer_id, version)
                if joined:
                    known.joined.add(customer_id)
        return known

    async def count(self, customers: Collection[UUID], known: Known) -> None:
        """Add the census of locked customers, and their memberships, to `known`."""
        rows = await self._connection.fetch(COUNT, list(customers))
        for customer_id, profile_id, version, identifier_type, held in rows:
            census = known.customers.setdefault(customer_id, Census())
            if not census.fragments or census.fragments[-1] != profile_id:
                census.fragments.append(profile_id)
                known.memberships[profile_id] = Membership(customer_id, version)
                if len(census.fragments) > 1:
                    known.joined.add(customer_id)
            if identifier_type is not None:
                census.identifiers[identifier_type] += held

    async def next_numbers(self, day: date, count: int) -> Sequence[int]:
        """Return unused sequence numbers of a day; the first of the day opens it."""
        rows = await self._connection.fetch(NUMBERS, day, count)
        if not rows:
            # Statements of their own: the insert must see the day that another worker opened while this one waited.
            await self._connection.execute(LOCK_DAY)
            await self._connection.execute(OPEN_DAY, day)
            rows = await self._connection.fetch(NUMBERS, day, count)
        return [row[0] for row in rows]

    async def found(self, fragments: Sequence[NewFragment]) -> None:
        """Insert fragments and the customers they found."""
        founded_at = fragments[0].founded_at
        profile_ids = [fragment.profile_id for fragment in fragments]
        await self._connection.execute(
            FOUND_FRAGMENTS,
            profile_ids,
            [fragment.membership.customer_id for fragment in fragments],
            [fragment.membership.version for fragment in fragments],
            founded_at,
        )
        await self._connection.execute(
            FOUND_CUSTOMERS,
            profile_ids,
            [fragment.customer_number for fragment in fragments],
            founded_at,
        )

    async def attach(self, identifiers: Sequence[SealedIdentifier]) -> None:
        """Insert new identifiers. Raises IdentifierTaken when one is no longer new."""
        inserted = await self._connection.execute(
            ATTACH,
            [identifier.attachment.hash for identifier in identifiers],
            [identifier.attachment.type for identifier in identifiers],
            [identifier.attachment.profile_id for identifier in identifiers],
            [identifier.sealed for identifier in identifiers],
            [identifier.touchpoint.occurred_at for identifier in identifiers],
            [identifier.touchpoint.touchpoint_id for identifier in identifiers],
        )
        if inserted != f"INSERT 0 {len(identifiers)}":
            raise IdentifierTaken(f"{inserted} of {len(identifiers)} identifiers")

    async def record_refusals(self, refusals: Sequence[tuple[Refusal, UUID]], now: datetime) -> None:
        """Insert refused links or count them up, one row for each pair of identifiers."""
        times: dict[tuple[bytes, bytes], int] = {}
        last: dict[tuple[bytes, bytes], tuple[Refusal, UUID]] = {}
        for refusal, touchpoint_id in refusals:
            pair = (refusal.strongest_hash, refusal.identifier_hash)
            times[pair] = times.get(pair, 0) + 1
            last[pair] = (refusal, touchpoint_id)
        await self._connection.execute(
            REFUSE,
            [strongest for strongest, _ in last],
            [other for _, other in last],
            [refusal.identifier_type for refusal, _ in last.values()],
            [refusal.reason for refusal, _ in last.values()],
            [refusal.rule_type for refusal, _ in last.values()],
            [touchpoint_id for _, touchpoint_id in last.values()],
            [times[pair] for pair in last],
            now,
        )
