"""Quarantine, undo, review.

Online-safe at ten million identifiers: no table is rewritten, the index on a large table is built concurrently, and
the journal is filled without a lock on it. Every step may be done again after a failure in the middle.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE profile.identifier
    ADD COLUMN IF NOT EXISTS verified_at timestamptz,
    ADD COLUMN IF NOT EXISTS quarantined_at timestamptz,
    ADD COLUMN IF NOT EXISTS changes integer NOT NULL DEFAULT 0,
    ALTER COLUMN profile_id DROP NOT NULL;
ALTER TABLE profile.fragment SET (fillfactor = 85);
COMMENT ON COLUMN profile.identifier.profile_id IS 'Its owner; null: in quarantine, without a fragment of its own yet.';
COMMENT ON COLUMN profile.identifier.changes IS 'How often it went from one person to another.';

ALTER TABLE profile.merge_journal
    ADD COLUMN IF NOT EXISTS home_profile_id uuid,
    ADD COLUMN IF NOT EXISTS owner_profile_id uuid,
    ADD COLUMN IF NOT EXISTS strongest_hash bytea,
    ADD COLUMN IF NOT EXISTS rule text NOT NULL DEFAULT 'identifier',
    ADD COLUMN IF NOT EXISTS actor text,
    ADD COLUMN IF NOT EXISTS reason text,
    ADD COLUMN IF NOT EXISTS undone_at timestamptz,
    ADD COLUMN IF NOT EXISTS undone_by text,
    ADD COLUMN IF NOT EXISTS undo_reason text;
COMMENT ON TABLE profile.merge_journal IS 'Edges between fragments: those not undone span each customer as a tree.';
COMMENT ON COLUMN profile.merge_journal.rule IS 'identifier, manual or suggestion.';

ALTER TABLE profile.fragment ADD COLUMN IF NOT EXISTS view_base bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN profile.fragment.view_base IS
    'What the version of its customer''s view counts from: above all that was shown before a merge was undone.';
"""

# Workers of the version before know only the two customers; whose fragments met they did not write down.
ENDPOINTS = """
CREATE OR REPLACE FUNCTION profile.merge_endpoints() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.home_profile_id := coalesce(NEW.home_profile_id, NEW.customer_id);
    NEW.owner_profile_id := coalesce(NEW.owner_profile_id, NEW.absorbed_customer_id);
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS merge_endpoints ON profile.merge_journal;
CREATE TRIGGER merge_endpoints BEFORE INSERT ON profile.merge_journal FOR EACH ROW
WHEN (NEW.home_profile_id IS NULL OR NEW.owner_profile_id IS NULL) EXECUTE FUNCTION profile.merge_endpoints();
"""

TABLES = """
CREATE TABLE IF NOT EXISTS profile.identifier_event (
    hash bytea NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('verified', 'quarantined', 'released', 'rehomed', 'transferred', 'erased')),
    profile_id uuid,
    former_profile_id uuid,
    touchpoint_id uuid,
    reason text NOT NULL,
    actor text,
    PRIMARY KEY (hash, at, kind)
);
COMMENT ON TABLE profile.identifier_event IS 'What happened to identifiers after they were attached; append-only.';

CREATE TABLE IF NOT EXISTS profile.link_block (
    block_id uuid PRIMARY KEY,
    left_profile_id uuid NOT NULL,
    right_profile_id uuid NOT NULL,
    identifier_hash bytea NOT NULL,
    strongest_hash bytea,
    created_at timestamptz NOT NULL,
    actor text NOT NULL
);
CREATE INDEX IF NOT EXISTS link_block_left_idx ON profile.link_block (left_profile_id);
CREATE INDEX IF NOT EXISTS link_block_right_idx ON profile.link_block (right_profile_id);
COMMENT ON TABLE profile.link_block IS 'Evidence of an undone merge, which may not merge the same two again.';

CREATE TABLE IF NOT EXISTS profile.merge_suggestion (
    suggestion_id uuid PRIMARY KEY,
    left_profile_id uuid NOT NULL,
    right_profile_id uuid NOT NULL,
    source text NOT NULL CHECK (source IN ('duplicate', 'cluster_size', 'merge_rate')),
    score double precision,
    evidence jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'accepted', 'rejected', 'obsolete')),
    created_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    decision_reason text,
    touchpoint_id uuid,
    CHECK (left_profile_id < right_profile_id),
    UNIQUE (left_profile_id, right_profile_id, source)
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS merge_suggestion_state_idx
    ON profile.merge_suggestion (state, score DESC, suggestion_id);
CREATE INDEX IF NOT EXISTS merge_suggestion_right_idx ON profile.merge_suggestion (right_profile_id);
COMMENT ON TABLE profile.merge_suggestion IS 'Two customers who may be one: a person decides. No personal values.';
"""

FILL = """
UPDATE profile.merge_journal SET home_profile_id = customer_id, owner_profile_id = absorbed_customer_id
WHERE home_profile_id IS NULL
"""

INDEXES = {
    "identifier_quarantined_idx": "identifier (quarantined_at, hash) WHERE quarantined_at IS NOT NULL",
    "merge_journal_merged_idx": "merge_journal (merged_at, merge_id)",
    "merge_journal_home_idx": "merge_journal (home_profile_id) WHERE undone_at IS NULL",
    "merge_journal_owner_idx": "merge_journal (owner_profile_id) WHERE undone_at IS NULL",
}

# The version before only writes the journal, and edges are found by their ends.
UNUSED = ("merge_journal_customer_idx", "merge_journal_absorbed_idx")


def upgrade() -> None:
    """Add columns and tables; then, each in a transaction of its own, fill and index what is large."""
    op.execute(COLUMNS)
    op.execute(ENDPOINTS)
    op.execute(TABLES)
    with op.get_context().autocommit_block():
        op.execute(FILL)
        for name, what in INDEXES.items():
            # One that a failure left half-built is in the way and of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS profile.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON profile.{what}")
        for name in UNUSED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS profile.{name}")
