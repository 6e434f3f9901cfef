"""Features, scores, cuts, counters and the plumbing's tables."""

from __future__ import annotations

from alembic import op

from guanxi_kit.consumer import KIT_TABLES

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE feature (
    profile_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    membership_version bigint NOT NULL,
    touchpoints bigint NOT NULL,
    purchases bigint NOT NULL,
    foreign_purchases bigint NOT NULL,
    amount_minor bigint NOT NULL,
    first_purchase_at timestamptz,
    last_purchase_at timestamptz,
    last_touch_at timestamptz,
    buckets integer[] NOT NULL,
    bucket_amounts bigint[] NOT NULL,
    CHECK (cardinality(buckets) = cardinality(bucket_amounts))
) WITH (fillfactor = 70);
CREATE INDEX feature_customer_idx ON feature (customer_id);
COMMENT ON COLUMN feature.customer_id IS 'by the highest membership_version heard of, whichever topic told it';

CREATE TABLE customer_score (
    customer_id uuid PRIMARY KEY,
    tier text,
    recency smallint,
    frequency smallint,
    monetary smallint,
    purchases bigint,
    amount_minor bigint,
    last_purchase_at timestamptz,
    revision bigint,
    computed_at timestamptz,
    next_review_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX customer_score_amount_idx ON customer_score (amount_minor, customer_id) WHERE purchases > 0;
CREATE INDEX customer_score_review_idx ON customer_score (next_review_at) WHERE next_review_at IS NOT NULL;
COMMENT ON COLUMN customer_score.tier IS 'null only inside the transaction that creates the row';

CREATE SEQUENCE score_revision;

CREATE TABLE rfm_cut (
    version bigint PRIMARY KEY,
    rules text NOT NULL,
    quantiles double precision[] NOT NULL,
    amounts bigint[] NOT NULL,
    population bigint NOT NULL,
    activity bigint NOT NULL,
    moved_low bigint[] NOT NULL,
    moved_high bigint[] NOT NULL,
    computed_at timestamptz NOT NULL,
    swept_at timestamptz
);

CREATE TABLE review_schedule (
    name text PRIMARY KEY,
    next_run_at timestamptz NOT NULL
);

CREATE TABLE tier_count (
    slot smallint NOT NULL,
    tier text NOT NULL,
    customers bigint NOT NULL,
    PRIMARY KEY (slot, tier)
) WITH (fillfactor = 50);
"""


def upgrade() -> None:
    """Create all tables."""
    op.execute(KIT_TABLES.format(schema="scoring"))
    op.execute(_TABLES)
