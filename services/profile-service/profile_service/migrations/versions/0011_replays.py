"""Dead letters that operators replay."""

from __future__ import annotations

from alembic import op

from guanxi_kit.consumer import REPLAYABLE_LETTERS

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a replay and an erasure need."""
    op.execute(REPLAYABLE_LETTERS.format(schema="profile"))
