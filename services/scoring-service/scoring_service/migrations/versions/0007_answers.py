"""Answers to surveys: the latest, and the latest that found something wanting."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ANSWERS = """
ALTER TABLE scoring.feature ADD COLUMN last_answer_at timestamptz, ADD COLUMN last_low_answer_at timestamptz
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(_ANSWERS)
