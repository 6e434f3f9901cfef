"""Consents and the access audit."""

from __future__ import annotations

from alembic import op

from guanxi_kit.audit.schema import AUDIT_TABLES

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CONSENT = """
CREATE TABLE profile.consent_event (
    event_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    purpose text NOT NULL,
    channel text NOT NULL,
    decision text NOT NULL CHECK (decision IN ('granted', 'denied', 'withdrawn')),
    notice_version text,
    source text NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    touchpoint_id uuid,
    evidence_digest bytea,
    supersedes uuid[] NOT NULL
);
COMMENT ON TABLE profile.consent_event IS 'The ledger: the application may add events and change none.';
COMMENT ON COLUMN profile.consent_event.supersedes IS 'Fragments whose earlier decisions this one takes the place of.';
CREATE INDEX consent_event_profile_idx ON profile.consent_event (profile_id, recorded_at, event_id);
REVOKE UPDATE, DELETE, TRUNCATE ON profile.consent_event FROM profile_app;

CREATE TABLE profile.consent_evidence (
    event_id uuid PRIMARY KEY,
    sealed bytea NOT NULL
);
COMMENT ON TABLE profile.consent_evidence IS 'Evidence, apart from the ledger so that a key rotation may seal it anew.';

CREATE TABLE profile.consent_state (
    profile_id uuid NOT NULL,
    purpose text NOT NULL,
    channel text NOT NULL,
    decision text NOT NULL,
    notice_version text,
    source text NOT NULL,
    effective_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    supersedes uuid[] NOT NULL,
    supersedes_until timestamptz[] NOT NULL,
    revision integer NOT NULL,
    PRIMARY KEY (profile_id, purpose, channel)
) WITH (fillfactor = 70);
COMMENT ON TABLE profile.consent_state IS 'What holds of each fragment: the decision that took effect last.';

CREATE TABLE profile.consent_told (
    profile_id uuid PRIMARY KEY,
    purposes text[] NOT NULL,
    told_at timestamptz[] NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE profile.consent_told IS 'When a consent tool last told of each purpose; only changes are kept.';

CREATE TABLE profile.consent_import (
    job_id uuid NOT NULL,
    part integer NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (job_id, part)
);
COMMENT ON TABLE profile.consent_import IS 'Items of imports that jobs have not got to yet.';
"""


def upgrade() -> None:
    """Create the ledger of consents and the tables of the access audit."""
    op.execute(CONSENT)
    op.execute(AUDIT_TABLES.format(schema="profile"))
