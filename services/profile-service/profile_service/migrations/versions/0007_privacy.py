"""Erasure and its receipts.

Online-safe at ten million identifiers: indexes on large tables are built concurrently. Every step may be done again
after a failure in the middle.
"""

from __future__ import annotations

from alembic import op

from guanxi_kit.erasure import DEAD_LETTERS, ERASED_FRAGMENT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE IF NOT EXISTS profile.erasure_request (
    request_id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('open', 'alarm', 'overdue', 'complete', 'failed')),
    requested_at timestamptz NOT NULL,
    actor text NOT NULL,
    sealed_reason bytea,
    customer_ids uuid[] NOT NULL,
    profile_ids uuid[] NOT NULL,
    tombstones bytea[] NOT NULL,
    holds jsonb NOT NULL DEFAULT '[]',
    suppressed bigint NOT NULL DEFAULT 0,
    settled_at timestamptz,
    completed_at timestamptz
);
CREATE INDEX IF NOT EXISTS erasure_request_time_idx ON profile.erasure_request (requested_at, request_id);
CREATE INDEX IF NOT EXISTS erasure_request_open_idx ON profile.erasure_request (requested_at)
    WHERE completed_at IS NULL;
CREATE INDEX IF NOT EXISTS erasure_request_settled_idx ON profile.erasure_request (settled_at)
    WHERE settled_at IS NOT NULL AND completed_at IS NULL;
COMMENT ON COLUMN profile.erasure_request.settled_at IS 'When its last place became terminal.';
COMMENT ON TABLE profile.erasure_request IS 'The ledger: replayed after a restore. Ids and keyed hashes only.';

CREATE TABLE IF NOT EXISTS profile.erasure_receipt (
    request_id uuid NOT NULL,
    place text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'sent', 'acknowledged', 'done', 'retained', 'failed')),
    erased jsonb NOT NULL DEFAULT '{}',
    legal_ground text,
    retained_until timestamptz,
    detail text,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    partner_id uuid,
    sealed_identifiers bytea,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (request_id, place)
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS erasure_receipt_due_idx ON profile.erasure_receipt (next_attempt_at)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS erasure_receipt_pending_idx ON profile.erasure_receipt (place, request_id)
    WHERE state = 'pending';
COMMENT ON COLUMN profile.erasure_receipt.sealed_identifiers IS 'By what a partner finds the person, until it has.';

CREATE TABLE IF NOT EXISTS profile.tombstone (
    tombstone bytea PRIMARY KEY,
    erased_at timestamptz NOT NULL,
    request_id uuid NOT NULL
);
COMMENT ON TABLE profile.tombstone IS 'Keyed hashes of erased identifiers: they recognise what comes late.';

CREATE TABLE IF NOT EXISTS profile.privacy_partner (
    partner_id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    url text NOT NULL,
    status_url text,
    identifier_types text[] NOT NULL,
    sealed_secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    disabled_at timestamptz
);

CREATE OR REPLACE FUNCTION profile.hold_off_erasures() RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('profile.erasure', 0));
    RETURN (SELECT requested_at FROM profile.erasure_request ORDER BY requested_at DESC LIMIT 1);
END $$;
COMMENT ON FUNCTION profile.hold_off_erasures IS 'Keeps erasures waiting until the transaction ends; the newest one.';
"""

INDEXES = {
    "link_refusal_identifier_idx": "link_refusal (identifier_hash)",
    "identifier_event_profile_idx": "identifier_event (profile_id) WHERE profile_id IS NOT NULL",
    "identifier_event_former_idx": "identifier_event (former_profile_id) WHERE former_profile_id IS NOT NULL",
    "merge_journal_undone_home_idx": "merge_journal (home_profile_id) WHERE undone_at IS NOT NULL",
    "merge_journal_undone_owner_idx": "merge_journal (owner_profile_id) WHERE undone_at IS NOT NULL",
}


def upgrade() -> None:
    """Create the tables; then, each outside any transaction, the indexes by which an erasure finds its rows."""
    op.execute(ERASED_FRAGMENT.format(schema="profile"))
    op.execute(TABLES)
    with op.get_context().autocommit_block():
        for statement in DEAD_LETTERS:
            op.execute(statement.format(schema="profile"))
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS profile.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON profile.{what}")
