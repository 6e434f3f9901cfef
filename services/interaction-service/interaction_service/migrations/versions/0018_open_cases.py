"""The open cases of a customer are found without a look at those that are closed."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute("CREATE INDEX case_open_idx ON interaction.case_file (profile_id, next_due_at) WHERE is_open")
