"""Searching in timelines: which words a touchpoint's text has, as keyed hashes."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TOUCHPOINT_TEXT = """
CREATE TABLE interaction.touchpoint_text (
    profile_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    words integer[] NOT NULL,
    PRIMARY KEY (profile_id, occurred_at, touchpoint_id)
);
COMMENT ON TABLE interaction.touchpoint_text IS
    'Touchpoints in which somebody wrote; words are hashes, keyed by installation and fragment.';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TOUCHPOINT_TEXT)
