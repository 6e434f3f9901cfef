"""Figures and traits of fragments, and the totals, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg

from guanxi_kit.crypto import Keyring
from profile_service.adapters.vault import trait_aad
from profile_service.domain.activity import Activity, ActivityKey
from profile_service.domain.traits import Trait

ADD_ACTIVITY = """
INSERT INTO activity AS standing
  (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
  $7::timestamptz[], $8::timestamptz[])
AS given (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at)
ORDER BY profile_id, channel, currency
ON CONFLICT (profile_id, channel, currency) DO UPDATE SET
  touchpoints = standing.touchpoints + excluded.touchpoints,
  quantity = standing.quantity + excluded.quantity,
  amount_minor = standing.amount_minor + excluded.amount_minor,
  first_at = least(standing.first_at, excluded.first_at),
  last_at = greatest(standing.last_at, excluded.last_at)
"""
KEEP_TRAITS = """
INSERT INTO trait AS standing (profile_id, name, sealed, channel, occurred_at, touchpoint_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::timestamptz[], $6::uuid[])
AS given (profile_id, name, sealed, channel, occurred_at, touchpoint_id) ORDER BY profile_id, name
ON CONFLICT (profile_id, name) DO UPDATE SET
  sealed = excluded.sealed, channel = excluded.channel,
  occurred_at = excluded.occurred_at, touchpoint_id = excluded.touchpoint_id
WHERE (excluded.occurred_at, excluded.touchpoint_id) > (standing.occurred_at, standing.touchpoint_id)
"""


class PostgresFacts:
    """The `Facts` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def add_activity(self, activity: Mapping[ActivityKey, Activity]) -> None:
        """Add figures to those of the fragments."""
        sums = list(activity.values())
        await self._connection.execute(
            ADD_ACTIVITY,
            [key[0] for key in activity],
            [key[1] for key in activity],
            [key[2] for key in activity],
            [of.touchpoints for of in sums],
            [of.quantity for of in sums],
            [of.amount_minor for of in sums],
            [of.first_at for of in sums],
            [of.last_at for of in sums],
        )

    async def keep_traits(self, traits: Iterable[Trait]) -> None:
        """Store traits that win over what is there."""
        told = list(traits)
        if not told:
            return
        await self._connection.execute(
            KEEP_TRAITS,
            [trait.profile_id for trait in told],
            [trait.name for trait in told],
            [self._keyring.seal(trait.value, trait_aad(trait.profile_id, trait.name)) for trait in told],
            [trait.channel for trait in told],
            [trait.occurred_at for trait in told],
            [trait.touchpoint_id for trait in told],
        )
