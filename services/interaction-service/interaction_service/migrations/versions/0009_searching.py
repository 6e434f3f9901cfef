"""Timelines: which words a touchpoint's text has, as keyed hashes, and which touchpoints are key moments."""

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


KEY_MOMENT = """
CREATE TABLE interaction.key_moment (
    profile_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    moment text NOT NULL,
    PRIMARY KEY (profile_id, occurred_at, touchpoint_id, moment)
);
CREATE INDEX key_moment_name_idx ON interaction.key_moment (profile_id, moment, occurred_at, touchpoint_id);
COMMENT ON TABLE interaction.key_moment IS
    'Of a moment that counts once, what was a fragment''s earliest when it came; reading decides.';
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TOUCHPOINT_TEXT)
    op.execute(KEY_MOMENT)
