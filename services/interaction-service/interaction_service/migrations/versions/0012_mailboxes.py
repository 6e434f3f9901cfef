"""Mailboxes that are read as channels."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE interaction.mailbox (
    channel_id uuid PRIMARY KEY REFERENCES interaction.channel,
    document jsonb NOT NULL,
    sealed bytea NOT NULL,
    declared_by text NOT NULL,
    declared_at timestamptz NOT NULL,
    uid_validity bigint,
    last_uid bigint NOT NULL DEFAULT 0,
    turn_at timestamptz NOT NULL,
    turn uuid,
    read_at timestamptz,
    failure text,
    taken bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON COLUMN interaction.mailbox.sealed IS 'The password.';
COMMENT ON COLUMN interaction.mailbox.last_uid IS 'mails up to this one are in the event log';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
