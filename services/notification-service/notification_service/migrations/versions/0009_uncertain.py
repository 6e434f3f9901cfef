"""What is uncertain is found without reading everything that was ever sent."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INDEXES = """
CREATE INDEX message_uncertain_idx ON notification.message (changed_at, send_id) WHERE state = 'uncertain';
CREATE INDEX staff_notice_uncertain_idx ON notification.staff_notice (changed_at, notice_id)
WHERE state = 'uncertain';
"""


def upgrade() -> None:
    """Add the indexes."""
    op.execute(_INDEXES)
