"""The access audit."""

from __future__ import annotations

from alembic import op

from guanxi_kit.audit.schema import AUDIT_TABLES

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the access audit."""
    op.execute(AUDIT_TABLES.format(schema="notification"))
