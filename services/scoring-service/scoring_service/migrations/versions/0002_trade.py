"""Counters of buyers and purchases, so that cuts which the trade has outgrown are noticed at once."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

# Existing cuts count no purchases: they are outgrown, and computed anew at the first opportunity.
_COLUMNS = """
ALTER TABLE tier_count
    ADD COLUMN buyers bigint NOT NULL DEFAULT 0,
    ADD COLUMN purchases bigint NOT NULL DEFAULT 0;
ALTER TABLE rfm_cut ADD COLUMN purchases bigint NOT NULL DEFAULT 0;
ALTER TABLE review_schedule ADD COLUMN early_at timestamptz NOT NULL DEFAULT '-infinity';
"""
_COUNT = """
INSERT INTO tier_count AS t (slot, tier, customers, buyers, purchases)
SELECT 0, tier, 0, count(*), sum(purchases) FROM customer_score WHERE purchases > 0 GROUP BY tier
ON CONFLICT (slot, tier) DO UPDATE SET buyers = excluded.buyers, purchases = excluded.purchases
"""


def upgrade() -> None:
    """Add the columns and count what is there."""
    op.execute(_COLUMNS)
    op.execute(_COUNT)
