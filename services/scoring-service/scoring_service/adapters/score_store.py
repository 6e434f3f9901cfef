"""Features and scores in PostgreSQL, set-wise: one statement for a whole batch."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from scoring_service.application.ports import (
    FragmentChange,
    FragmentState,
    Score,
    TierChange,
    VisitsStanding,
)
from scoring_service.domain.features import KEPT_BUCKETS, KEPT_VISITS, Features
from scoring_service.domain.rfm import Classes, Cuts, RfmRules, Tier
from scoring_service.domain.silence import Visits, visits_on

# A counter per tier would be one row that every transaction waits for; each process counts in a slot of its own.
COUNTER_SLOTS: Final = 32

_CHANGE_FRAGMENTS = """
INSERT INTO feature AS f (profile_id, customer_id, membership_version, touchpoints, purchases, foreign_purchases,
    amount_minor, first_purchase_at, last_purchase_at, last_touch_at, buckets, bucket_amounts,
    visits)
SELECT p, c, v, t, n, o, a, first_at, last_at, touch_at, b::int[], ba::bigint[], d::date[]
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::text[])
    AS u(p, c, v, t, n, o, a, first_at, last_at, touch_at, b, ba, d)
ON CONFLICT (profile_id) DO UPDATE SET
    customer_id = CASE WHEN excluded.membership_version > f.membership_version
        THEN excluded.customer_id ELSE f.customer_id END,
    membership_version = greatest(f.membership_version, excluded.membership_version),
    touchpoints = f.touchpoints + excluded.touchpoints,
    purchases = f.purchases + excluded.purchases,
    foreign_purchases = f.foreign_purchases + excluded.foreign_purchases,
    amount_minor = f.amount_minor + excluded.amount_minor,
    first_purchase_at = least(f.first_purchase_at, excluded.first_purchase_at),
    last_purchase_at = greatest(f.last_purchase_at, excluded.last_purchase_at),
    last_touch_at = greatest(f.last_touch_at, excluded.last_touch_at),
    buckets = CASE WHEN excluded.buckets = '{}' THEN f.buckets ELSE (
        SELECT array_agg(b ORDER BY b DESC) FROM (
            SELECT DISTINCT b FROM unnest(f.buckets || excluded.buckets) AS every(b)
            ORDER BY b DESC LIMIT $14) AS latest) END,
    bucket_amounts = CASE WHEN excluded.buckets = '{}' THEN f.bucket_amounts ELSE (
        SELECT array_agg(total ORDER BY b DESC) FROM (
            SELECT b, sum(a)::bigint AS total
            FROM unnest(f.buckets || excluded.buckets, f.bucket_amounts || excluded.bucket_amounts) AS every(b, a)
            GROUP BY b ORDER BY b DESC LIMIT $14) AS latest) END,
    visits = CASE WHEN excluded.visits <@ f.visits THEN f.visits
        WHEN cardinality(excluded.visits) = 1 AND excluded.visits[1] > f.visits[1]
            THEN excluded.visits || f.visits[1:$15 - 1]
        ELSE (
        SELECT array_agg(d ORDER BY d DESC) FROM (
            SELECT DISTINCT d FROM unnest(f.visits || excluded.visits) AS every(d)
            ORDER BY d DESC LIMIT $15) AS latest) END
RETURNING profile_id, customer_id, (xmax = 0) AS is_new
"""

_FEATURES = """
SELECT customer_id, touchpoints, purchases, foreign_purchases, amount_minor, first_purchase_at, last_purchase_at,
    last_touch_at, buckets, bucket_amounts, open_complaints, overdue_cases, reopened_cases, last_complaint_at,
    last_answer_at, last_low_answer_at, visits
FROM feature WHERE customer_id = ANY($1::uuid[])
"""

_VISITS = """
SELECT f.customer_id, f.visits[cardinality(f.visits)] AS first, f.visits[1] AS last, cardinality(f.visits) AS days,
    s.is_silent, s.next_review_at
FROM feature AS f JOIN customer_score AS s USING (customer_id) WHERE f.customer_id = ANY($1::uuid[])
"""

_CREATE_SCORES = """
INSERT INTO customer_score (customer_id) SELECT * FROM unnest($1::uuid[]) ON CONFLICT (customer_id) DO NOTHING
"""

_SCORES = """
SELECT customer_id, tier, recency, frequency, monetary, purchases, amount_minor, last_purchase_at, revision,
    computed_at, next_review_at, risk, is_silent
FROM customer_score
"""
_LOCK_SCORES = _SCORES + "WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id FOR UPDATE"
_READ_SCORE = _SCORES + "WHERE customer_id = $1"

_WRITE_SCORES = """
UPDATE customer_score AS s SET tier = u.tier, recency = u.recency, frequency = u.frequency, monetary = u.monetary,
    purchases = u.purchases, amount_minor = u.amount_minor, last_purchase_at = u.last_purchase_at,
    revision = u.revision, computed_at = u.computed_at, next_review_at = u.next_review_at, risk = u.risk,
    is_silent = u.is_silent
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::smallint[], $6::bigint[], $7::bigint[],
    $8::timestamptz[], $9::bigint[], $10::timestamptz[], $11::timestamptz[], $12::smallint[], $13::boolean[])
    AS u(customer_id, tier, recency, frequency, monetary, purchases, amount_minor, last_purchase_at, revision,
        computed_at, next_review_at, risk, is_silent)
WHERE s.customer_id = u.customer_id
"""

_COUNT_TIERS = """
INSERT INTO tier_count AS t (slot, tier, customers, buyers, purchases)
SELECT $1, tier, c, b, p FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS u(tier, c, b, p)
ORDER BY tier
ON CONFLICT (slot, tier) DO UPDATE SET customers = t.customers + excluded.customers,
    buyers = t.buyers + excluded.buyers, purchases = t.purchases + excluded.purchases
"""


class PostgresScoreStore:
    """The score store of one transaction."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def change_fragments(self, changes: Mapping[UUID, FragmentChange]) -> dict[UUID, FragmentState]:
        """Add to fragments and move them by membership version, in any order with the same result."""
        ordered = sorted(changes.items(), key=lambda item: item[0].bytes)
        added = [change.added for _, change in ordered]
        rows = await self._connection.fetch(
            _CHANGE_FRAGMENTS,
            [profile_id for profile_id, _ in ordered],
            [change.customer_id for _, change in ordered],
            [change.membership_version for _, change in ordered],
            [one.touchpoints for one in added],
            [one.purchases for one in added],
            [one.foreign_purchases for one in added],
            [one.amount_minor for one in added],
            [one.first_purchase_at for one in added],
            [one.last_purchase_at for one in added],
            [one.last_touch_at for one in added],
            [_array(one.amounts) for one in added],
            [_array(one.amounts.values()) for one in added],
            [_array(sorted(one.visits, reverse=True)) for one in added],
            KEPT_BUCKETS,
            KEPT_VISITS,
        )
        return {row["profile_id"]: FragmentState(row["customer_id"], row["is_new"]) for row in rows}

    async def lock_scores(self, customer_ids: Sequence[UUID]) -> dict[UUID, Score | None]:
        """Lock these customers (sorted), creating missing ones without a score."""
        await self._connection.execute(_CREATE_SCORES, customer_ids)
        rows = await self._connection.fetch(_LOCK_SCORES, customer_ids)
        return {row["customer_id"]: _score(row) if row["tier"] else None for row in rows}

    async def hold_cuts(self, rules: RfmRules) -> Cuts | None:
        """Return the current cuts; publishing others waits until this transaction has ended."""
        await self._connection.execute("LOCK TABLE rfm_cut IN ROW SHARE MODE")
        return await self.current_cuts(rules)

    async def current_cuts(self, rules: RfmRules) -> Cuts | None:
        """Return the current cuts, or None when there are none for the quantiles of these rules."""
        row = await self._connection.fetchrow(
            "SELECT version, amounts, quantiles FROM rfm_cut ORDER BY version DESC LIMIT 1"
        )
        if row is None or tuple(row["quantiles"]) != rules.quantiles:
            return None
        return Cuts(row["version"], tuple(row["amounts"]))

    async def features_of(self, customer_ids: Sequence[UUID]) -> dict[UUID, Features]:
        """Combine the fragments of each of these customers; one without fragments is absent."""
        found: dict[UUID, Features] = {}
        for row in await self._connection.fetch(_FEATURES, customer_ids):
            customer_id, fragment = row["customer_id"], _features(row)
            if customer_id in found:
                found[customer_id].combine(fragment)
            else:
                found[customer_id] = fragment
        return found

    async def visits_of(self, customer_ids: Collection[UUID]) -> dict[UUID, VisitsStanding]:
        """Return when these customers were heard of, with nothing locked; one without a score is absent."""
        found: dict[UUID, VisitsStanding] = {}
        joined: set[UUID] = set()
        rows = await self._connection.fetch(_VISITS, list(customer_ids))
        for customer_id, first, last, days, is_silent, review in rows:
            if customer_id in found:
                joined.add(customer_id)
            found[customer_id] = VisitsStanding(
                Visits(first, last, days) if days else None, is_silent, review
            )
        if joined:
            for customer_id, features in (await self.features_of(list(joined))).items():
                found[customer_id] = found[customer_id]._replace(visits=visits_on(features.visits))
        return found

    async def next_revision(self) -> int:
        """Return a revision above all given out before; ask only while holding the customers it is for."""
        revision: int = await self._connection.fetchval("SELECT nextval('score_revision')")
        return revision

    async def write_scores(self, scores: Sequence[Score]) -> None:
        """Overwrite the scores of customers locked before."""
        if not scores:
            return
        classes = [score.classes for score in scores]
        await self._connection.execute(
            _WRITE_SCORES,
            [score.customer_id for score in scores],
            [one.tier for one in classes],
            [one.recency for one in classes],
            [one.frequency for one in classes],
            [one.monetary for one in classes],
            [score.purchases for score in scores],
            [score.amount_minor for score in scores],
            [score.last_purchase_at for score in scores],
            [score.revision for score in scores],
            [score.computed_at for score in scores],
            [score.next_review_at for score in scores],
            [score.risk for score in scores],
            [score.is_silent for score in scores],
        )

    async def remove_scores(self, customer_ids: Sequence[UUID]) -> None:
        """Remove customers locked before."""
        if customer_ids:
            await self._connection.execute(
                "DELETE FROM customer_score WHERE customer_id = ANY($1::uuid[])", customer_ids
            )

    async def count_tiers(self, changes: Mapping[Tier, TierChange]) -> None:
        """Add to the counters of the tiers."""
        if changes:
            slot = os.getpid() % COUNTER_SLOTS
            added = changes.values()
            await self._connection.execute(
                _COUNT_TIERS,
                slot,
                list(changes),
                [one.customers for one in added],
                [one.buyers for one in added],
                [one.purchases for one in added],
            )

    async def customer_of(self, customer_id: UUID) -> UUID | None:
        """Return the customer that an id ever given out means today, or None for an unknown id."""
        found: UUID | None = await self._connection.fetchval(
            "SELECT customer_id FROM feature WHERE profile_id = $1", customer_id
        )
        return found

    async def fragments_of(self, customer_id: UUID) -> list[UUID]:
        """Return the fragments of a customer."""
        rows = await self._connection.fetch(
            "SELECT profile_id FROM feature WHERE customer_id = $1", customer_id
        )
        return [row["profile_id"] for row in rows]

    async def read_score(self, customer_id: UUID) -> Score | None:
        """Return a customer's score."""
        row = await self._connection.fetchrow(_READ_SCORE, customer_id)
        return None if row is None else _score(row)

    async def read_tiers(self) -> dict[str, int]:
        """Return the number of customers of each tier that has counted any."""
        rows = await self._connection.fetch(
            "SELECT tier, sum(customers)::bigint AS n FROM tier_count GROUP BY tier"
        )
        return {row["tier"]: row["n"] for row in rows}


def _array(numbers: Iterable[object]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _features(row: asyncpg.Record) -> Features:
    return Features(
        touchpoints=row["touchpoints"],
        purchases=row["purchases"],
        foreign_purchases=row["foreign_purchases"],
        amount_minor=row["amount_minor"],
        first_purchase_at=row["first_purchase_at"],
        last_purchase_at=row["last_purchase_at"],
        last_touch_at=row["last_touch_at"],
        amounts=dict(zip(row["buckets"], row["bucket_amounts"], strict=True)),
        open_complaints=row["open_complaints"],
        overdue_cases=row["overdue_cases"],
        reopened_cases=row["reopened_cases"],
        last_complaint_at=row["last_complaint_at"],
        last_answer_at=row["last_answer_at"],
        last_low_answer_at=row["last_low_answer_at"],
        visits=set(row["visits"]),
    )


def _score(row: asyncpg.Record) -> Score:
    return Score(
        customer_id=row["customer_id"],
        classes=Classes(row["tier"], row["recency"], row["frequency"], row["monetary"]),
        purchases=row["purchases"],
        amount_minor=row["amount_minor"],
        last_purchase_at=row["last_purchase_at"],
        revision=row["revision"],
        computed_at=row["computed_at"],
        next_review_at=row["next_review_at"],
        risk=row["risk"],
        is_silent=row["is_silent"],
    )
