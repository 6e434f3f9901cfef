"""Memberships, enrolments, messages, the decision log and the plumbing's tables."""

from __future__ import annotations

from alembic import op

from guanxi_kit.consumer import KIT_TABLES

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE membership (
    profile_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    version bigint NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX membership_customer_idx ON membership (customer_id);

CREATE TABLE enrolment (
    journey text NOT NULL,
    profile_id uuid NOT NULL,
    origin_profile_id uuid NOT NULL,
    journey_version text NOT NULL,
    touchpoint_id uuid NOT NULL,
    enrolled_at timestamptz NOT NULL,
    PRIMARY KEY (journey, profile_id)
);

CREATE TABLE message (
    send_id uuid PRIMARY KEY,
    journey text NOT NULL,
    journey_version text NOT NULL,
    step integer NOT NULL,
    profile_id uuid NOT NULL,
    touchpoint_id uuid NOT NULL,
    channel text NOT NULL,
    template text NOT NULL,
    state text NOT NULL CHECK (
        state IN ('planned', 'reserved', 'sending', 'sent', 'failed', 'uncertain', 'skipped')),
    once boolean NOT NULL,
    due_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    provider text,
    address_hash bytea,
    reason text,
    planned_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    sent_at timestamptz,
    CHECK ((due_at IS NULL) = (state IN ('sent', 'failed', 'uncertain', 'skipped')))
) WITH (fillfactor = 70);
CREATE INDEX message_due_idx ON message (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_profile_idx ON message (profile_id, planned_at, send_id);
COMMENT ON COLUMN message.due_at IS 'when the dispatch looks at it next: to send it, or because a lease ends';

CREATE TABLE served_address (
    journey text NOT NULL,
    step integer NOT NULL,
    address_hash bytea NOT NULL,
    send_id uuid NOT NULL,
    PRIMARY KEY (journey, step, address_hash)
);
CREATE INDEX served_address_send_idx ON served_address (send_id);
COMMENT ON TABLE served_address IS 'two people who turn out to be one may both be enrolled: one address, one welcome';

CREATE TABLE decision (
    send_id uuid NOT NULL,
    code text NOT NULL,
    times bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    detail jsonb NOT NULL,
    PRIMARY KEY (send_id, code)
) WITH (fillfactor = 80);
"""


def upgrade() -> None:
    """Create all tables."""
    op.execute(KIT_TABLES.format(schema="notification"))
    op.execute(_TABLES)
