"""Figures of fragments in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from profile_service.domain.activity import Activity, ActivityKey, YearKey, YearSum

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

ADD_YEARS = """
INSERT INTO activity_year AS standing (profile_id, year, currency, purchases, amount_minor)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::bigint[], $5::bigint[])
AS given (profile_id, year, currency, purchases, amount_minor) ORDER BY profile_id, year, currency
ON CONFLICT (profile_id, year, currency) DO UPDATE SET
  purchases = standing.purchases + excluded.purchases, amount_minor = standing.amount_minor + excluded.amount_minor
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
        )

    async def add_years(self, years: Mapping[YearKey, YearSum]) -> None:
        """Add purchases to those of the fragments' business years."""
        sums = list(years.values())
        await self._connection.execute(
            ADD_YEARS,
            [key.profile_id for key in years],
            [key.year for key in years],
            [key.currency for key in years],
            [of.purchases for of in sums],
            [of.amount_minor for of in sums],
        )
