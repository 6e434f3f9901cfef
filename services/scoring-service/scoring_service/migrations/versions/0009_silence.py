"""Silence: the latest days on which a customer was heard of, and whether the score counts a silence."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Constant defaults: no row is rewritten. Days of before this version are not known.
_SILENCE = """
ALTER TABLE scoring.feature ADD COLUMN visits date[] NOT NULL DEFAULT '{}';
ALTER TABLE scoring.customer_score ADD COLUMN is_silent boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN scoring.feature.visits IS 'the 16 latest days (UTC) on which the customer was heard of, newest first';
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(_SILENCE)
