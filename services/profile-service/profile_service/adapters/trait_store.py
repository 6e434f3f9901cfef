"""Traits with lineage in PostgreSQL. Rows are locked and written in key order, so that workers do not cross."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from guanxi_kit.crypto import Keyring
from profile_service.adapters.vault import trait_aad, trait_hash
from profile_service.domain.traits import Earlier, Standing, Told, Trait, TraitChanges, TraitKey

# What has no hash yet comes with its value, to make one.
LOCK_SOURCES = """
SELECT profile_id, name, channel, value_hash, CASE WHEN value_hash IS NULL THEN sealed END AS sealed,
  since_at, since_touchpoint_id, occurred_at, touchpoint_id
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS given (profile_id, name, channel)
JOIN trait_source AS source USING (profile_id, name, channel)
ORDER BY profile_id, name, channel FOR NO KEY UPDATE OF source
"""
BEFORE = """
SELECT given.profile_id, given.name, given.channel, given.occurred_at AS at, given.touchpoint_id AS by, earlier.*
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[])
  AS given (profile_id, name, channel, occurred_at, touchpoint_id)
CROSS JOIN LATERAL (
  SELECT value_hash, CASE WHEN value_hash IS NULL THEN sealed END AS sealed, occurred_at, touchpoint_id
  FROM trait_value AS value
  WHERE value.profile_id = given.profile_id AND value.name = given.name AND value.channel = given.channel
    AND (value.occurred_at, value.touchpoint_id) < (given.occurred_at, given.touchpoint_id)
  ORDER BY occurred_at DESC, touchpoint_id DESC LIMIT 1
) AS earlier
"""
RESTATE = """
INSERT INTO trait_value (profile_id, name, channel, occurred_at, touchpoint_id, sealed, value_hash, recorded_at)
SELECT profile_id, name, channel, occurred_at, touchpoint_id, sealed, value_hash, $4
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS given (profile_id, name, channel)
JOIN trait_source USING (profile_id, name, channel) ORDER BY profile_id, name, channel ON CONFLICT DO NOTHING
"""
APPEND = """
INSERT INTO trait_value (profile_id, name, channel, occurred_at, touchpoint_id, sealed, value_hash, recorded_at)
SELECT given.*, $8
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[], $6::bytea[], $7::bytea[])
AS given (profile_id, name, channel, occurred_at, touchpoint_id, sealed, value_hash)
ORDER BY profile_id, name, channel, occurred_at, touchpoint_id ON CONFLICT DO NOTHING
"""
BEGIN = """
INSERT INTO trait_source (profile_id, name, channel, sealed, value_hash, since_at, since_touchpoint_id, occurred_at,
  touchpoint_id, recorded_at)
SELECT given.*, $10
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::timestamptz[], $7::uuid[],
  $8::timestamptz[], $9::uuid[])
AS given (profile_id, name, channel, sealed, value_hash, since_at, since_touchpoint_id, occurred_at, touchpoint_id)
ORDER BY profile_id, name, channel ON CONFLICT DO NOTHING
"""
CHANGE = """
UPDATE trait_source AS source SET sealed = given.sealed, value_hash = given.value_hash, since_at = given.since_at,
  since_touchpoint_id = given.since_touchpoint_id, occurred_at = given.occurred_at,
  touchpoint_id = given.touchpoint_id, recorded_at = $10
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::timestamptz[], $7::uuid[],
  $8::timestamptz[], $9::uuid[])
AS given (profile_id, name, channel, sealed, value_hash, since_at, since_touchpoint_id, occurred_at, touchpoint_id)
WHERE (source.profile_id, source.name, source.channel) = (given.profile_id, given.name, given.channel)
"""
CONFIRM = """
UPDATE trait_source AS source SET value_hash = given.value_hash, since_at = given.since_at,
  since_touchpoint_id = given.since_touchpoint_id, occurred_at = given.occurred_at,
  touchpoint_id = given.touchpoint_id, recorded_at = $9
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[], $6::uuid[], $7::timestamptz[],
  $8::uuid[])
AS given (profile_id, name, channel, value_hash, since_at, since_touchpoint_id, occurred_at, touchpoint_id)
WHERE (source.profile_id, source.name, source.channel) = (given.profile_id, given.name, given.channel)
"""


class SourceTaken(asyncpg.SerializationError):  # type: ignore[misc]
    """Another transaction took down the same new source first: a serialization failure, to be worked again."""


class PostgresTraits:
    """The `Traits` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def lock(self, keys: Collection[TraitKey]) -> dict[TraitKey, Standing]:
        """Return what these sources hold to, as nobody else can change it until the transaction ends."""
        found: dict[TraitKey, Standing] = {}
        for row in await self._connection.fetch(LOCK_SOURCES, *_columns(keys)):
            key = TraitKey(*row[:3])
            found[key] = Standing(self._hash(key, row[3], row[4]), Told(*row[5:7]), Told(*row[7:9]))
        return found

    async def before(self, late: Sequence[Trait]) -> dict[tuple[TraitKey, Told], Earlier]:
        """Return what the same source told before each of these; nothing for those that nothing precedes."""
        rows = await self._connection.fetch(
            BEFORE, *_columns([trait.key for trait in late]), *_times([trait.told for trait in late])
        )
        found: dict[tuple[TraitKey, Told], Earlier] = {}
        for row in rows:
            key = TraitKey(*row[:3])
            found[key, Told(*row[3:5])] = Earlier(self._hash(key, row[5], row[6]), Told(*row[7:9]))
        return found

    async def keep(self, changes: TraitChanges, now: datetime) -> None:
        """Write changes. Raises SourceTaken when a new source is no longer new."""
        if changes.restated:
            await self._connection.execute(RESTATE, *_columns(sorted(changes.restated)), now)
        sealed = {trait: self._seal(trait) for trait in changes.history}
        if changes.history:
            told, keys = changes.history, [trait.key for trait in changes.history]
            await self._connection.execute(
                APPEND,
                *_columns(keys),
                *_times([trait.told for trait in told]),
                [sealed[trait] for trait in told],
                [trait.hash for trait in told],
                now,
            )
        if changes.first:
            done = await self._connection.execute(BEGIN, *_rows(changes.first, sealed), now)
            if done != f"INSERT 0 {len(changes.first)}":
                raise SourceTaken(f"{done} of {len(changes.first)} sources")
        if changes.changed:
            await self._connection.execute(CHANGE, *_rows(changes.changed, sealed), now)
        if changes.confirmed:
            await self._connection.execute(CONFIRM, *_standing(changes.confirmed), now)

    def _seal(self, trait: Trait) -> bytes:
        return self._keyring.seal(trait.value, trait_aad(trait.key.profile_id, trait.key.name))

    def _hash(self, key: TraitKey, stored: bytes | None, sealed: bytes | None) -> bytes:
        if stored is not None:
            return stored
        assert sealed is not None
        return trait_hash(
            self._keyring, key.name, self._keyring.open(sealed, trait_aad(key.profile_id, key.name))
        )


def _columns(keys: Iterable[TraitKey]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)]


def _times(told: Iterable[Told]) -> list[list[Any]]:
    return [list(column) for column in zip(*told, strict=True)]


def _standing(standing: Mapping[TraitKey, Standing]) -> list[list[Any]]:
    values = list(standing.values())
    return [
        *_columns(standing),
        [value.hash for value in values],
        *_times([value.since for value in values]),
        *_times([value.last for value in values]),
    ]


def _rows(
    values: Mapping[TraitKey, tuple[Trait, Standing]], sealed: Mapping[Trait, bytes]
) -> list[list[Any]]:
    columns = _standing({key: standing for key, (_, standing) in values.items()})
    return [*columns[:3], [sealed[trait] for trait, _ in values.values()], *columns[3:]]
