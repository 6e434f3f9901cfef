"""Blocking keys, models and suggestions of duplicates in PostgreSQL. Every write goes in key order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from profile_service.adapters.suggestion_store import PostgresSuggestions
from profile_service.application.duplicates.ports import Found
from profile_service.domain.duplicates.model import Model, default_model
from profile_service.domain.duplicates.person import ONLINE_COMMON, ONLINE_KEYS, Person, blocking_keys

MARK = "INSERT INTO duplicate_due (customer_id) SELECT unnest($1::uuid[])"
FORGET = "DELETE FROM duplicate_key WHERE customer_id = ANY($1::uuid[])"
REMEMBER = """
INSERT INTO duplicate_key (key, customer_id)
SELECT key, customer_id FROM unnest($1::bigint[], $2::uuid[]) AS given (key, customer_id) ORDER BY key, customer_id
ON CONFLICT DO NOTHING
"""
WITHOUT_KEYS = """
SELECT given.customer_id FROM unnest($1::uuid[]) AS given (customer_id)
WHERE NOT EXISTS (SELECT FROM duplicate_key AS known WHERE known.customer_id = given.customer_id)
"""
# One more than are looked at tells that there are too many.
SHARING = """
SELECT given.key, sharing.customer_id FROM unnest($1::bigint[]) AS given (key)
CROSS JOIN LATERAL (SELECT customer_id FROM duplicate_key WHERE key = given.key LIMIT $2) AS sharing
"""
NEWEST = "SELECT document FROM duplicate_model ORDER BY model_id DESC LIMIT 1"
CUSTOMERS = "SELECT coalesce(sum(fragments) - sum(merges), 0)::bigint FROM totals"
SHARES = "SELECT hash, share FROM duplicate_frequency WHERE hash = ANY($1::bytea[])"
LEARN = "INSERT INTO duplicate_model (trained_at, document) VALUES ($1, $2)"
LEARN_SHARES = """
INSERT INTO duplicate_frequency (hash, share) SELECT * FROM unnest($1::bytea[], $2::float8[])
"""
KEEP = """
INSERT INTO merge_suggestion AS standing
  (suggestion_id, left_profile_id, right_profile_id, source, score, evidence, state, created_at)
SELECT gen_random_uuid(), l, r, 'duplicate', score, evidence::jsonb, 'open', $5
FROM unnest($1::uuid[], $2::uuid[], $3::float8[], $4::text[]) AS given (l, r, score, evidence) ORDER BY l, r
ON CONFLICT (left_profile_id, right_profile_id, source) DO UPDATE SET
  score = excluded.score, evidence = excluded.evidence, state = 'open', decided_at = NULL
WHERE standing.state = 'open' OR standing.state = 'obsolete'
"""
RETIRE = """
UPDATE merge_suggestion SET state = 'obsolete', decided_at = $4
WHERE state = 'open' AND source = 'duplicate'
  AND (left_profile_id = ANY($1::uuid[]) OR right_profile_id = ANY($1::uuid[]))
  AND (left_profile_id, right_profile_id) NOT IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))
"""


async def mark_due(connection: asyncpg.Connection[Any], customers: Collection[UUID]) -> None:
    """Have customers compared soon; appends only, so that nobody waits for whoever compares."""
    await connection.execute(MARK, sorted(customers))


def encode_evidence(found: Found) -> str:
    """Return levels and bits of evidence by field as JSON; a field that is unknown says nothing."""
    score = found.score
    return json.dumps(
        {
            field: {
                "level": level,
                "weight": round(score.weights[field], 2),
                "kin_weight": round(score.kin_weights[field], 2),
            }
            for field, level in found.levels.items()
            if field in score.weights
        }
    )


def hash_key(keyring: Keyring, kind: str, value: str) -> int:
    """Return a blocking key as it is stored: 64 bits of its keyed hash."""
    return int.from_bytes(keyring.blind(f"duplicate.{kind}", value)[:8], "big", signed=True)


class PostgresKeys:
    """The `Keys` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def replace(self, people: Mapping[UUID, Person], known_as: Collection[UUID]) -> None:
        """Keep the keys of these people; what else is kept under these ids is forgotten."""
        await self._connection.execute(FORGET, list(known_as))
        await self._remember(people)

    async def complete(self, people: Mapping[UUID, Person]) -> None:
        """Keep the keys of those of these people of whom none are kept."""
        rows = await self._connection.fetch(WITHOUT_KEYS, list(people))
        await self._remember({row[0]: people[row[0]] for row in rows})

    async def candidates(self, people: Mapping[UUID, Person]) -> dict[UUID, set[UUID]]:
        """Return by customer who shares a key, without keys that too many share."""
        keys = {customer: self._keys(person) for customer, person in people.items()}
        asked = {key for of in keys.values() for key in of}
        sharing: defaultdict[int, set[UUID]] = defaultdict(set)
        for key, customer in await self._connection.fetch(SHARING, list(asked), ONLINE_COMMON + 1):
            sharing[key].add(customer)
        return {
            customer: {each for key in of if len(sharing[key]) <= ONLINE_COMMON for each in sharing[key]}
            - {customer}
            for customer, of in keys.items()
        }

    async def _remember(self, people: Mapping[UUID, Person]) -> None:
        rows = [(key, customer) for customer, person in people.items() for key in self._keys(person)]
        if rows:
            await self._connection.execute(REMEMBER, [row[0] for row in rows], [row[1] for row in rows])

    def _keys(self, person: Person) -> list[int]:
        return [
            hash_key(self._keyring, kind, value)
            for kind, value in blocking_keys(person)
            if kind in ONLINE_KEYS
        ]


class PostgresModels:
    """The `Models` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def newest(self) -> Model:
        """Return the last trained model, or what is assumed before there is one."""
        document = await self._connection.fetchval(NEWEST)
        if document is not None:
            return Model.from_document(document)
        return default_model(await self._connection.fetchval(CUSTOMERS))

    async def frequencies(self, values: Collection[tuple[str, str]]) -> dict[tuple[str, str], float]:
        """Return the shares of people by (column, value); a value that is not kept is as rare as any can be."""
        model = await self.newest()
        if not values or not model.trained:
            return {}
        hashes = {self._hash(*value): value for value in values}
        known = dict(await self._connection.fetch(SHARES, list(hashes)))
        return {value: known.get(hash_, model.rarest) for hash_, value in hashes.items()}

    async def learn(self, model: Model, frequent: Mapping[tuple[str, str], float], now: datetime) -> None:
        """Keep a model with its frequencies, in place of those before."""
        await self._connection.execute("DELETE FROM duplicate_frequency")
        await self._connection.execute(
            LEARN_SHARES, [self._hash(*value) for value in frequent], list(frequent.values())
        )
        await self._connection.execute(LEARN, now, model.to_document())

    def _hash(self, column: str, value: str) -> bytes:
        return self._keyring.blind(f"duplicate.frequency.{column}", value)


class PostgresDuplicateSuggestions(PostgresSuggestions):
    """The `DuplicateSuggestions` port within the transaction of one connection."""

    async def keep(self, found: Iterable[Found], now: datetime) -> int:
        """Store suggestions; those decided before stay as they are. Return how many are open now."""
        pairs = list(found)
        if not pairs:
            return 0
        done = await self._connection.execute(
            KEEP,
            [of.left for of in pairs],
            [of.right for of in pairs],
            [of.score.probability for of in pairs],
            [encode_evidence(of) for of in pairs],
            now,
        )
        return int(done.rpartition(" ")[2])

    async def retire(self, customers: Collection[UUID], standing: Sequence[Found], now: datetime) -> None:
        """Make open suggestions about these customers obsolete, except those that stand."""
        await self._connection.execute(
            RETIRE, list(customers), [of.left for of in standing], [of.right for of in standing], now
        )
