"""Declarations of channels: how a webhook is checked and what becomes of its payload."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DECLARATION = """
CREATE TABLE interaction.channel_declaration (
    channel_id uuid NOT NULL REFERENCES interaction.channel,
    version integer NOT NULL,
    document jsonb NOT NULL,
    sealed bytea NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, version)
);
COMMENT ON COLUMN interaction.channel_declaration.sealed IS 'The secrets by name, as JSON.';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(DECLARATION)
