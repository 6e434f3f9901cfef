"""Staff hear of what they are given and of tasks that are due."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NOTICES = """
ALTER TABLE notification.staff_notice
    ALTER COLUMN case_id DROP NOT NULL,
    ADD COLUMN task_id uuid,
    ADD COLUMN template text NOT NULL DEFAULT 'case_alarm',
    ADD CHECK (case_id IS NOT NULL OR task_id IS NOT NULL);
COMMENT ON COLUMN notification.staff_notice.told IS 'all that the notice says, nothing of the customer';
"""


def upgrade() -> None:
    """Let a notice be about a task, in words of its own."""
    op.execute(NOTICES)
