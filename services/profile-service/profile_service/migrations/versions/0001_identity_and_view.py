"""Identity graph, figures, traits, scores and the plumbing's tables."""

from __future__ import annotations

from alembic import op

from guanxi_kit.consumer.schema import KIT_TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTITY = """
CREATE TABLE profile.seen_touchpoint (
    touchpoint_id uuid PRIMARY KEY
);
COMMENT ON TABLE profile.seen_touchpoint IS 'Every touchpoint ever resolved: a repeat is one however late it comes.';

CREATE TABLE profile.customer (
    customer_id uuid PRIMARY KEY,
    customer_number text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE profile.customer IS 'Everyone ever founded; the row is locked while fragments or identifiers change.';

CREATE TABLE profile.fragment (
    profile_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    version integer NOT NULL,
    joined boolean NOT NULL DEFAULT false,
    founded_at timestamptz NOT NULL
);
COMMENT ON COLUMN profile.fragment.joined IS 'Its customer has several fragments.';
CREATE INDEX fragment_customer_idx ON profile.fragment (customer_id);
COMMENT ON TABLE profile.fragment IS 'Membership, and by that the redirect map: every customer id is a profile id.';

CREATE TABLE profile.identifier (
    hash bytea PRIMARY KEY,
    type text NOT NULL,
    profile_id uuid NOT NULL,
    sealed bytea NOT NULL,
    first_seen_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL
);
CREATE INDEX identifier_profile_idx ON profile.identifier (profile_id);

CREATE TABLE profile.merge_journal (
    merge_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    absorbed_customer_id uuid NOT NULL,
    moved uuid[] NOT NULL,
    touchpoint_id uuid NOT NULL,
    identifier_type text NOT NULL,
    identifier_hash bytea NOT NULL,
    merged_at timestamptz NOT NULL
);
CREATE INDEX merge_journal_customer_idx ON profile.merge_journal (customer_id, merged_at);
CREATE INDEX merge_journal_absorbed_idx ON profile.merge_journal (absorbed_customer_id);

CREATE TABLE profile.link_refusal (
    strongest_hash bytea NOT NULL,
    identifier_hash bytea NOT NULL,
    identifier_type text NOT NULL,
    reason text NOT NULL,
    rule_type text NOT NULL,
    touchpoint_id uuid NOT NULL,
    times bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (strongest_hash, identifier_hash)
) WITH (fillfactor = 70);
COMMENT ON TABLE profile.link_refusal IS 'Pairs of identifiers that met in a touchpoint and were not joined, and why.';

CREATE SEQUENCE profile.customer_sequence;
CREATE TABLE profile.customer_number_day (
    day date PRIMARY KEY,
    base bigint NOT NULL
);
"""

VIEW = """
CREATE TABLE profile.activity (
    profile_id uuid NOT NULL,
    channel text NOT NULL,
    currency text NOT NULL,
    touchpoints bigint NOT NULL,
    quantity bigint NOT NULL,
    amount_minor bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (profile_id, channel, currency)
) WITH (fillfactor = 70);
COMMENT ON TABLE profile.activity IS 'Figures of a fragment; purchases by currency, the rest under the empty currency.';

CREATE TABLE profile.trait (
    profile_id uuid NOT NULL,
    name text NOT NULL,
    sealed bytea NOT NULL,
    channel text NOT NULL,
    occurred_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    PRIMARY KEY (profile_id, name)
) WITH (fillfactor = 70);

CREATE TABLE profile.customer_score (
    customer_id uuid PRIMARY KEY,
    revision bigint NOT NULL,
    computed_at timestamptz NOT NULL,
    document jsonb NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE profile.totals (
    source text PRIMARY KEY,
    touchpoints bigint NOT NULL,
    fragments bigint NOT NULL,
    merges bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE profile.totals IS 'Exact totals, one row per source partition: no two workers write the same.';
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(KIT_TABLES.format(schema="profile"))
    op.execute(IDENTITY)
    op.execute(VIEW)
