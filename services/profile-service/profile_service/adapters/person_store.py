"""Persons in PostgreSQL, to be found and removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.erasure import IDS, KEYS, carry_out, erase_alone, remember_erased
from profile_service.adapters.erasure_rules import HASHES, rules_without
from profile_service.adapters.vault import PlainIdentifier, read_identifier
from profile_service.application.erasure_ports import (
    ErasureRequest,
    KnownBy,
    Removal,
    SharedIdentifier,
    Standing,
)
from profile_service.domain.erasure import AUDIT, CONSENT_LEDGER

OWNER = "SELECT profile_id, quarantined_at IS NOT NULL AS shared FROM identifier WHERE hash = $1"
CUSTOMER_OF = "SELECT customer_id FROM fragment WHERE profile_id = $1"
LOCK_CUSTOMER = "SELECT 1 FROM customer WHERE customer_id = $1 FOR UPDATE"
LOCK_FRAGMENTS = "SELECT profile_id FROM fragment WHERE customer_id = $1 ORDER BY profile_id FOR UPDATE"
IDENTIFIERS = """
SELECT hash, type, sealed, quarantined_at IS NOT NULL AS shared FROM identifier
WHERE profile_id = ANY($1::uuid[]) ORDER BY hash
"""
OWN_HASHES = "SELECT hash FROM identifier WHERE profile_id = ANY($1::uuid[]) AND quarantined_at IS NULL"
CONSENTS = "SELECT count(*) FROM consent_event WHERE profile_id = ANY($1::uuid[])"
UNCOUNT = """
WITH gone AS (SELECT profile_id, customer_id FROM fragment WHERE profile_id = ANY($1::uuid[])),
parted AS (
  SELECT count(DISTINCT customer_id) AS customers FROM fragment
  WHERE customer_id IN (SELECT customer_id FROM gone) AND profile_id <> ALL($1::uuid[])),
counted AS (
  SELECT count(*) AS fragments, count(DISTINCT customer_id) AS customers FROM gone)
INSERT INTO totals AS standing (source, touchpoints, fragments, merges)
SELECT 'erasure',
  -(SELECT coalesce(sum(touchpoints), 0) FROM activity WHERE profile_id = ANY($1::uuid[])),
  -counted.fragments, counted.customers - parted.customers - counted.fragments
FROM counted, parted WHERE counted.fragments > 0
ON CONFLICT (source) DO UPDATE SET touchpoints = standing.touchpoints + excluded.touchpoints,
  fragments = standing.fragments + excluded.fragments, merges = standing.merges + excluded.merges
"""
# In a database older than the undoing of a merge, others may still bear the id of the person.
REGROUP = """
WITH left_behind AS (
  SELECT customer_id, min(profile_id::text)::uuid AS survivor FROM fragment
  WHERE customer_id = ANY($1::uuid[]) GROUP BY customer_id)
UPDATE fragment SET customer_id = survivor, version = version + 1
FROM left_behind WHERE fragment.customer_id = left_behind.customer_id
RETURNING left_behind.customer_id AS former, survivor, profile_id, version
"""


class PostgresPersons:
    """The `Persons` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def alone(self) -> None:
        """Wait for those who write facts of persons, and keep them from it until the transaction ends."""
        await erase_alone(self._connection)

    async def owner(self, identifier_hash: bytes) -> UUID | None:
        """Return the fragment that an identifier belongs to. Raises SharedIdentifier."""
        found = await self._connection.fetchrow(OWNER, identifier_hash)
        if found is None:
            return None
        if found["shared"]:
            raise SharedIdentifier
        profile_id: UUID = found["profile_id"]
        return profile_id

    async def fragments(self, profile_id: UUID) -> Sequence[UUID]:
        """Lock the customer that an id means now and return its fragments; none for an unknown id."""
        locked: UUID | None = None
        while True:
            customer_id: UUID | None = await self._connection.fetchval(CUSTOMER_OF, profile_id)
            if customer_id is None:
                return []
            if customer_id == locked:
                return [row[0] for row in await self._connection.fetch(LOCK_FRAGMENTS, customer_id)]
            # Whoever merges or parts the customer has locked it, too: look again once that is through.
            await self._connection.execute(LOCK_CUSTOMER, customer_id)
            locked = customer_id

    async def identifiers(self, profile_ids: Collection[UUID]) -> Sequence[KnownBy]:
        """Return the identifiers of fragments in clear."""
        found = []
        for row in await self._connection.fetch(IDENTIFIERS, list(profile_ids)):
            try:
                plain = read_identifier(self._keyring, row["sealed"], row["hash"])
            except SealBroken:
                # No key of this installation opens it: it is erased like any other, but nobody can be told of it.
                plain = PlainIdentifier(row["type"], "", "")
            found.append(KnownBy(row["hash"], row["type"], plain.namespace, plain.value, row["shared"]))
        return found

    async def remove(self, request: ErasureRequest) -> Removal:
        """Remove everything stored under the request's fragments, except what its legal holds keep."""
        ids = list(request.profile_ids)
        hashes = [row[0] for row in await self._connection.fetch(OWN_HASHES, ids)]
        keys = [*hashes, *(each.bytes for each in {*ids, *request.customer_ids})]
        await self._connection.execute(UNCOUNT, ids)
        erased = await carry_out(
            self._connection,
            rules_without([hold.kind for hold in request.holds]),
            {IDS: ids, HASHES: hashes, KEYS: keys},
        )
        await remember_erased(self._connection, request.request_id, ids, request.requested_at)
        consents: int = await self._connection.fetchval(CONSENTS, ids)
        proofs = {AUDIT: 0} | ({CONSENT_LEDGER: consents} if consents else {})
        return Removal(erased, proofs, await self._regroup(list(request.customer_ids)))

    async def _regroup(self, customer_ids: list[UUID]) -> list[tuple[UUID, UUID, Mapping[UUID, int]]]:
        moved: dict[tuple[UUID, UUID], dict[UUID, int]] = {}
        for former, survivor, profile_id, version in await self._connection.fetch(REGROUP, customer_ids):
            moved.setdefault((former, survivor), {})[profile_id] = version
        return [(*customers, fragments) for customers, fragments in moved.items()]


NEWEST = "SELECT hold_off_erasures()"
TOMBSTONES = "SELECT tombstone, erased_at, request_id FROM tombstone WHERE tombstone = ANY($1::bytea[])"
FRAGMENTS = "SELECT profile_id, erased_at, request_id FROM erased_fragment WHERE profile_id = ANY($1::uuid[])"
RETURNED = "SELECT hash FROM identifier WHERE hash = ANY($1::bytea[])"
COUNT_SUPPRESSED = """
WITH locked AS (
  SELECT request_id FROM erasure_request WHERE request_id = ANY($1::uuid[]) ORDER BY request_id FOR UPDATE)
UPDATE erasure_request AS request SET suppressed = suppressed + given.touchpoints
FROM unnest($1::uuid[], $2::bigint[]) AS given (request_id, touchpoints) JOIN locked USING (request_id)
WHERE request.request_id = given.request_id
"""


class PostgresErasures:
    """The `Erasures` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def hold_off(self) -> datetime | None:
        """Keep erasures waiting until the transaction ends; return the time of the newest one there was."""
        newest: datetime | None = await self._connection.fetchval(NEWEST)
        return newest

    async def erased_identifiers(self, tombstones: Collection[bytes]) -> dict[bytes, Standing]:
        """Return which identifiers were erased, by tombstone."""
        rows = await self._connection.fetch(TOMBSTONES, list(tombstones))
        return {row[0]: Standing(row[1], row[2]) for row in rows}

    async def erased_fragments(self, profile_ids: Collection[UUID]) -> dict[UUID, Standing]:
        """Return which fragments were erased."""
        rows = await self._connection.fetch(FRAGMENTS, list(profile_ids))
        return {row[0]: Standing(row[1], row[2]) for row in rows}

    async def returned(self, hashes: Collection[bytes]) -> set[bytes]:
        """Return which of these erased identifiers are there again."""
        return {row[0] for row in await self._connection.fetch(RETURNED, list(hashes))}

    async def count_suppressed(self, touchpoints: Mapping[UUID, int]) -> None:
        """Add to the suppressed touchpoints of requests."""
        await self._connection.execute(COUNT_SUPPRESSED, list(touchpoints), list(touchpoints.values()))
