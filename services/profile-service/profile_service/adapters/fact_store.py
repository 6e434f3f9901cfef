"""Figures of fragments in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from profile_service.domain.activity import Activity, ActivityKey

ADD_ACTIVITY = """
INSERT INTO activity AS standing (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at,
  year, year_purchases, year_minor, dated)
SELECT given.*, CASE WHEN year IS NOT NULL THEN touchpoints END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
  $7::timestamptz[], $8::timestamptz[], $9::int[], $10::bigint[], $11::bigint[])
AS given (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at, year, year_purchases,
  year_minor)
ORDER BY profile_id, channel, currency
ON CONFLICT (profile_id, channel, currency) DO UPDATE SET
  touchpoints = standing.touchpoints + excluded.touchpoints,
  quantity = standing.quantity + excluded.quantity,
  amount_minor = standing.amount_minor + excluded.amount_minor,
  first_at = least(standing.first_at, excluded.first_at),
  last_at = greatest(standing.last_at, excluded.last_at),
  year = greatest(standing.year, excluded.year),
  year_purchases = CASE WHEN standing.year > excluded.year THEN standing.year_purchases
    WHEN standing.year = excluded.year THEN standing.year_purchases + excluded.year_purchases
    ELSE excluded.year_purchases END,
  year_minor = CASE WHEN standing.year > excluded.year THEN standing.year_minor
    WHEN standing.year = excluded.year THEN standing.year_minor + excluded.year_minor
    ELSE excluded.year_minor END,
  dated = CASE WHEN excluded.year IS NOT NULL THEN coalesce(standing.dated, 0) + excluded.touchpoints END
"""


class PostgresFacts:
    """The `Facts` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

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
            [of.year for of in sums],
            [of.year_purchases for of in sums],
            [of.year_minor for of in sums],
        )
