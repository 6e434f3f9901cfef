"""Reads of traits with lineage from PostgreSQL. They cost the same however often a trait has changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from profile_service.adapters.vault import trait_aad
from profile_service.application.read_ports import StoredTrait, StoredValue
from profile_service.domain.traits import Told

TRAITS = """
SELECT fragment.customer_id, source.profile_id, source.name, source.channel, source.sealed, source.occurred_at,
  source.since_at, source.touchpoint_id
FROM trait_source AS source JOIN fragment USING (profile_id)
WHERE source.profile_id = ANY($1::uuid[]) AND ($2::text[] IS NULL OR source.name = ANY($2))
ORDER BY fragment.customer_id, source.name, source.profile_id, source.channel
"""
# What a source told last is what it holds to now, whatever its history says; before that, its history says.
TRAITS_AS_OF = """
SELECT fragment.customer_id, source.profile_id, source.name, source.channel, value.*
FROM trait_source AS source JOIN fragment USING (profile_id)
CROSS JOIN LATERAL (
  (SELECT source.sealed, source.occurred_at, source.since_at, source.touchpoint_id WHERE source.occurred_at <= $2)
  UNION ALL
  (SELECT value.sealed, value.occurred_at, value.occurred_at, value.touchpoint_id FROM trait_value AS value
   WHERE source.occurred_at > $2 AND value.profile_id = source.profile_id AND value.name = source.name
     AND value.channel = source.channel AND value.occurred_at <= $2
   ORDER BY value.occurred_at DESC, value.touchpoint_id DESC LIMIT 1)
) AS value (sealed, occurred_at, since_at, touchpoint_id)
WHERE source.profile_id = ANY($1::uuid[])
ORDER BY fragment.customer_id, source.name, source.profile_id, source.channel
"""
HISTORY = """
SELECT value.* FROM trait_source AS source
CROSS JOIN LATERAL (
  SELECT value.profile_id, value.channel, value.sealed, value.occurred_at, value.recorded_at, value.touchpoint_id
  FROM trait_value AS value
  WHERE value.profile_id = source.profile_id AND value.name = source.name AND value.channel = source.channel
    AND (value.occurred_at, value.touchpoint_id) < ($3::timestamptz, $4::uuid)
  ORDER BY value.occurred_at DESC, value.touchpoint_id DESC LIMIT $5
) AS value
WHERE source.profile_id = ANY($1::uuid[]) AND source.name = $2
ORDER BY value.occurred_at DESC, value.touchpoint_id DESC LIMIT $5
"""


class PostgresTraitReads:
    """The `TraitReads` port on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def traits(
        self,
        profile_ids: Collection[UUID],
        as_of: datetime | None = None,
        names: Sequence[str] | None = None,
    ) -> Sequence[StoredTrait]:
        """Return what each source tells, or told at a moment, of the customers of these fragments; still sealed.

        Of these `names` alone, where some are given and no moment is.
        """
        if as_of is None:
            rows = await self._connection.fetch(TRAITS, list(profile_ids), names)
        else:
            rows = await self._connection.fetch(TRAITS_AS_OF, list(profile_ids), as_of)
        return [StoredTrait(*row) for row in rows]

    async def trait_history(
        self, profile_ids: Collection[UUID], name: str, before: Told, limit: int
    ) -> Sequence[StoredValue]:
        """Return at most `limit` values told of one trait before a moment, newest first; still sealed."""
        rows = await self._connection.fetch(
            HISTORY, list(profile_ids), name, before.occurred_at, before.touchpoint_id, limit
        )
        return [StoredValue(*row) for row in rows]

    def open_trait(self, profile_id: UUID, name: str, sealed: bytes) -> Any:
        """Return a value in clear; None is a deletion."""
        return msgspec.json.decode(self._keyring.open(sealed, trait_aad(profile_id, name)))
