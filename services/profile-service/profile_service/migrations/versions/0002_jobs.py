"""Background jobs, and the processes that hold a keyring."""

from __future__ import annotations

from alembic import op

from guanxi_kit.jobs.schema import JOB_TABLE
from guanxi_kit.sealing.schema import KEY_TABLE

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.execute(JOB_TABLE.format(schema="profile"))
    op.execute(KEY_TABLE.format(schema="profile"))
