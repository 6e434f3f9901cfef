"""The cuts, the schedule of computing them, and who is due for a review, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from scoring_service.application.ports import Place, StoredCuts
from scoring_service.domain.recut import MINIMUM_POPULATION, AmountRange, Trade
from scoring_service.domain.rfm import cut_ranks

_CLAIM = """
INSERT INTO review_schedule AS r (name, next_run_at, early_at) VALUES ('recut', $2, $2)
ON CONFLICT (name) DO UPDATE SET next_run_at = excluded.next_run_at, early_at = excluded.early_at
WHERE r.next_run_at <= $1 OR ($3 AND r.early_at <= $1) RETURNING true
"""
_AMOUNTS = """
SELECT amount_minor FROM (
    SELECT amount_minor, row_number() OVER (ORDER BY amount_minor, customer_id) - 1 AS rank
    FROM customer_score WHERE purchases > 0) AS ranked
WHERE rank = ANY($1::bigint[]) ORDER BY rank
"""
_IN_RANGE = """
SELECT amount_minor, customer_id FROM customer_score
WHERE purchases > 0 AND amount_minor >= $1 AND amount_minor < $2
    AND (amount_minor, customer_id) > ($3, $4)
ORDER BY amount_minor, customer_id LIMIT $5
"""
_BEFORE_ALL = UUID(int=0)


class PostgresReviewStore:
    """The review store of one transaction."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def claim_recut(self, now: datetime, until: datetime, *, early: bool) -> bool:
        """True when computing the cuts is due, or `early` due, and now this caller's, until `until` should it die."""
        return bool(await self._connection.fetchval(_CLAIM, now, until, early))

    async def schedule_recut(self, at: datetime, early_at: datetime, claim: datetime) -> None:
        """Set when the cuts are due next, unless the claim until `claim` ran out and is another caller's now."""
        await self._connection.execute(
            "UPDATE review_schedule SET next_run_at = $1, early_at = $2 WHERE name = 'recut' AND next_run_at = $3",
            at,
            early_at,
            claim,
        )

    async def current_trade(self) -> Trade:
        """Return buyers and purchases as counted: a read of at most 128 rows."""
        row = await self._connection.fetchrow(
            "SELECT coalesce(sum(buyers), 0)::bigint AS buyers, coalesce(sum(purchases), 0)::bigint AS purchases"
            " FROM tier_count"
        )
        return Trade(row["buyers"], row["purchases"])

    async def latest_cuts(self) -> StoredCuts | None:
        """Return the current cuts and what is left of their sweep."""
        row = await self._connection.fetchrow("SELECT * FROM rfm_cut ORDER BY version DESC LIMIT 1")
        if row is None:
            return None
        return StoredCuts(
            version=row["version"],
            rules=row["rules"],
            quantiles=tuple(row["quantiles"]),
            amounts=tuple(row["amounts"]),
            trade=Trade(row["population"], row["purchases"]),
            activity=row["activity"],
            moved=tuple(map(AmountRange, row["moved_low"], row["moved_high"])),
            is_swept=row["swept_at"] is not None,
        )

    async def compute_amounts(self, quantiles: Sequence[float]) -> list[int]:
        """Return the amounts at the quantiles among the customers with purchases (none below the minimum)."""
        population: int = await self._connection.fetchval(
            "SELECT count(*) FROM customer_score WHERE purchases > 0"
        )
        if population < MINIMUM_POPULATION:
            return []
        ranks = cut_ranks(population, quantiles)
        wanted = sorted(set(ranks))
        rows = await self._connection.fetch(_AMOUNTS, wanted)
        amount_at = dict(zip(wanted, (row["amount_minor"] for row in rows), strict=True))
        return [amount_at[rank] for rank in ranks]

    async def publish_cuts(self, cuts: StoredCuts, now: datetime) -> bool:
        """Make cuts current, once every transaction that scores by the ones before has ended.

        False, with nothing changed, when another caller has published that version before.
        """
        await self._connection.execute("LOCK TABLE rfm_cut IN EXCLUSIVE MODE")
        is_first = await self._connection.fetchval(
            "INSERT INTO rfm_cut (version, rules, quantiles, amounts, population, purchases, activity, moved_low,"
            " moved_high, computed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " ON CONFLICT (version) DO NOTHING RETURNING true",
            cuts.version,
            cuts.rules,
            list(cuts.quantiles),
            list(cuts.amounts),
            cuts.trade.buyers,
            cuts.trade.purchases,
            cuts.activity,
            [span.low for span in cuts.moved],
            [span.high for span in cuts.moved],
            now,
        )
        if not is_first:
            return False
        await self._connection.execute("DELETE FROM rfm_cut WHERE version <= $1 - 1000", cuts.version)
        return True

    async def mark_swept(self, version: int, now: datetime) -> None:
        """Note that everybody whom these cuts concern has been scored by them."""
        await self._connection.execute("UPDATE rfm_cut SET swept_at = $2 WHERE version = $1", version, now)

    async def customers_in(self, amounts: AmountRange, after: Place | None, limit: int) -> list[Place]:
        """Return the next customers with purchases whose amount lies in the range, by rising amount."""
        start = after or Place(amounts.low, _BEFORE_ALL)
        rows = await self._connection.fetch(
            _IN_RANGE, amounts.low, amounts.high, start.amount_minor, start.customer_id, limit
        )
        return [Place(row["amount_minor"], row["customer_id"]) for row in rows]

    async def customers_due(self, now: datetime, limit: int) -> list[UUID]:
        """Return customers whose score may have changed by time alone, longest due first."""
        rows = await self._connection.fetch(
            "SELECT customer_id FROM customer_score WHERE next_review_at <= $1 ORDER BY next_review_at LIMIT $2",
            now,
            limit,
        )
        return [row["customer_id"] for row in rows]

    async def activity(self) -> int:
        """A number that changes whenever any score changes."""
        number: int = await self._connection.fetchval("SELECT last_value FROM score_revision")
        return number
