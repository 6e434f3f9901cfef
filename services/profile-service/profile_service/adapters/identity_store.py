"""What a batch is resolved against, and new fragments and customers, in PostgreSQL; every write in key order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from profile_service.adapters.identifier_store import PostgresIdentifiers
from profile_service.application.ports import NewFragment
from profile_service.domain.census import Block, Census, Known
from profile_service.domain.decisions import Standing
from profile_service.domain.identity import Membership

CLAIM = """
INSERT INTO seen_touchpoint (touchpoint_id)
SELECT DISTINCT touchpoint_id FROM unnest($1::uuid[]) AS given (touchpoint_id) ORDER BY touchpoint_id
ON CONFLICT DO NOTHING RETURNING touchpoint_id
"""
READ = """
SELECT identifier.hash, identifier.profile_id, fragment.customer_id, fragment.version, fragment.joined,
  identifier.quarantined_at IS NOT NULL AS quarantined, identifier.verified_at IS NOT NULL AS verified,
  identifier.changes
FROM identifier LEFT JOIN fragment USING (profile_id)
WHERE identifier.hash = ANY($1::bytea[])
"""
NAMED = (
    "SELECT profile_id, customer_id, version, joined, kind FROM fragment WHERE profile_id = ANY($1::uuid[])"
)
COUNT = """
SELECT fragment.customer_id, fragment.profile_id, fragment.version, identifier.type, count(identifier.hash) AS held,
  array_agg(identifier.hash) FILTER (WHERE identifier.type = ANY($2::text[])) AS hashes,
  array_agg(identifier.first_seen_at) FILTER (WHERE identifier.type = ANY($2::text[])) AS moments
FROM fragment LEFT JOIN identifier
  ON identifier.profile_id = fragment.profile_id AND identifier.quarantined_at IS NULL
WHERE fragment.customer_id = ANY($1::uuid[])
GROUP BY fragment.profile_id, identifier.type ORDER BY fragment.profile_id
"""
BLOCKS = """
SELECT left_profile_id, right_profile_id, identifier_hash, strongest_hash FROM link_block
WHERE left_profile_id = ANY($1::uuid[]) AND right_profile_id = ANY($1::uuid[])
"""
RECENT_MERGES = """
SELECT fragment.customer_id, count(*) AS merges
FROM merge_journal JOIN fragment ON fragment.profile_id = merge_journal.home_profile_id
WHERE merge_journal.home_profile_id = ANY($1::uuid[]) AND merge_journal.undone_at IS NULL AND merged_at > $2
GROUP BY fragment.customer_id
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
INSERT INTO fragment (profile_id, customer_id, version, kind, founded_at)
SELECT profile_id, customer_id, version, kind, $5 FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[])
AS given (profile_id, customer_id, version, kind) ORDER BY profile_id
"""
FOUND_CUSTOMERS = """
INSERT INTO customer (customer_id, customer_number, created_at)
SELECT customer_id, customer_number, $3 FROM unnest($1::uuid[], $2::text[])
AS given (customer_id, customer_number) ORDER BY customer_id
"""


class PostgresIdentities(PostgresIdentifiers):
    """The `Identities` port within the transaction of one connection."""

    async def claim(self, touchpoint_ids: Collection[UUID]) -> set[UUID]:
        """Remember touchpoints for ever and return those never seen before."""
        rows = await self._connection.fetch(CLAIM, list(touchpoint_ids))
        return {row[0] for row in rows}

    async def read(self, hashes: Collection[bytes], named: Collection[UUID]) -> Known:
        """Return what is known of these identifiers and fragments, without any census."""
        known = Known()
        if hashes:
            owners, memberships = known.owners, known.memberships
            for row in await self._connection.fetch(READ, list(hashes)):
                hash_, profile_id, customer_id, version, joined, quarantined, verified, changes = row
                if profile_id is not None:
                    memberships[profile_id] = Membership(customer_id, version)
                    if joined:
                        known.joined.add(customer_id)
                if quarantined or verified or changes:
                    known.note(hash_, Standing(profile_id, quarantined, verified, changes))
                else:
                    owners[hash_] = profile_id
        if named:
            for row in await self._connection.fetch(NAMED, list(named)):
                profile_id, customer_id, version, joined, kind = row
                known.memberships[profile_id] = Membership(customer_id, version)
                if kind == "enterprise":
                    known.enterprises.add(profile_id)
                if joined:
                    known.joined.add(customer_id)
        return known

    async def count(self, customers: Collection[UUID], known: Known, windowed: Collection[str]) -> None:
        """Add the census of locked customers, and their memberships, to `known`."""
        rows = await self._connection.fetch(COUNT, list(customers), list(windowed))
        for customer_id, profile_id, version, identifier_type, held, hashes, moments in rows:
            census = known.customers.setdefault(customer_id, Census())
            if not census.fragments or census.fragments[-1] != profile_id:
                census.fragments.append(profile_id)
                known.memberships[profile_id] = Membership(customer_id, version)
                if len(census.fragments) > 1:
                    known.joined.add(customer_id)
            if identifier_type is not None:
                census.identifiers[identifier_type] += held
            if hashes is not None:
                census.seen.setdefault(identifier_type, {}).update(zip(hashes, moments, strict=True))

    async def guard(self, customers: Collection[UUID], known: Known, merged_after: datetime | None) -> None:
        """Add to the census of customers that may merge what stands against it: undone merges, and recent ones."""
        fragments = [profile_id for each in customers for profile_id in known.customers[each].fragments]
        for row in await self._connection.fetch(BLOCKS, fragments):
            known.block(Block(*row))
        if merged_after is not None:
            for customer_id, merges in await self._connection.fetch(RECENT_MERGES, fragments, merged_after):
                known.customers[customer_id].merges = merges

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
            [fragment.kind for fragment in fragments],
            founded_at,
        )
        await self._connection.execute(
            FOUND_CUSTOMERS,
            profile_ids,
            [fragment.customer_number for fragment in fragments],
            founded_at,
        )
