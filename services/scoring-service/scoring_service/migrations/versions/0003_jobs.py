"""Background jobs."""

from __future__ import annotations

from alembic import op

from guanxi_kit.jobs.schema import JOB_TABLE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of jobs."""
    op.execute(JOB_TABLE.format(schema="scoring"))
