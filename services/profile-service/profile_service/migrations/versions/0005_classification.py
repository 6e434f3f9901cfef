"""Tags, segments, lifecycle: new tables only."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RULES = """
CREATE TABLE profile.classification_revision (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    revision bigint NOT NULL
);
INSERT INTO profile.classification_revision (revision) VALUES (0);
COMMENT ON TABLE profile.classification_revision IS 'Grows with every change of rules; read before rules are used.';

CREATE TABLE profile.classification_rule (
    kind text NOT NULL CHECK (kind IN ('tag', 'segment', 'lifecycle')),
    name text NOT NULL,
    source text NOT NULL CHECK (source IN ('rule', 'score', 'manual')),
    labels jsonb NOT NULL,
    rule jsonb,
    ttl interval,
    origin text NOT NULL CHECK (origin IN ('pack', 'api')),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    job_id uuid,
    retired_at timestamptz,
    PRIMARY KEY (kind, name)
);
COMMENT ON COLUMN profile.classification_rule.job_id IS 'The re-evaluation of everybody that its last change began.';
COMMENT ON COLUMN profile.classification_rule.retired_at IS 'Not in force; the row goes when nobody has it.';
"""

STATE = """
CREATE TABLE profile.classification (
    customer_id uuid PRIMARY KEY,
    stage text,
    stage_since timestamptz,
    stage_reason text,
    stage_evidence jsonb,
    due_at timestamptz,
    changes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX classification_due_idx ON profile.classification (due_at) WHERE due_at IS NOT NULL;
COMMENT ON TABLE profile.classification IS 'A row for each customer id, locked while it is classified.';
COMMENT ON COLUMN profile.classification.due_at IS 'When time alone may change something; never later.';

CREATE TABLE profile.customer_tag (
    customer_id uuid NOT NULL,
    tag text NOT NULL,
    source text NOT NULL,
    since timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (customer_id, tag)
) WITH (fillfactor = 80);
COMMENT ON TABLE profile.customer_tag IS 'Every tag in force, by the customer who has it now.';

CREATE TABLE profile.hand_tag (
    profile_id uuid NOT NULL,
    tag text NOT NULL,
    set_at timestamptz NOT NULL,
    expires_at timestamptz,
    actor text NOT NULL,
    reason text,
    PRIMARY KEY (profile_id, tag)
) WITH (fillfactor = 80);
COMMENT ON TABLE profile.hand_tag IS 'Tags set by people, under the fragment they were set on.';

CREATE TABLE profile.segment_member (
    segment text NOT NULL,
    customer_id uuid NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (segment, customer_id)
);
CREATE INDEX segment_member_customer_idx ON profile.segment_member (customer_id);

CREATE TABLE profile.segment_count (
    segment text NOT NULL,
    shard smallint NOT NULL,
    members bigint NOT NULL,
    PRIMARY KEY (segment, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE profile.segment_count IS 'Members of a segment: the sum of its shards is exact.';
"""

HISTORY = """
CREATE TABLE profile.classification_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    profile_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('tag', 'segment', 'stage')),
    name text NOT NULL,
    present boolean NOT NULL,
    at timestamptz NOT NULL,
    source text NOT NULL,
    actor text,
    reason text,
    detail jsonb
);
CREATE INDEX classification_event_profile_idx
    ON profile.classification_event (profile_id, kind, at DESC, event_id DESC);
COMMENT ON TABLE profile.classification_event IS
    'What was set and taken off when; append-only, under the customer or fragment it happened to.';
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(RULES)
    op.execute(STATE)
    op.execute(HISTORY)
