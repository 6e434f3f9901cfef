"""Staff hear of valuable customers who may be lost."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ALERTS = """
CREATE TABLE notification.risk_alert (
    customer_id uuid PRIMARY KEY,
    revision integer NOT NULL,
    alarming boolean NOT NULL
);
COMMENT ON TABLE notification.risk_alert IS
    'Customers of whom staff were told that they may be lost, and whether they still may.';
ALTER TABLE notification.staff_notice
    DROP CONSTRAINT staff_notice_check1,
    ADD COLUMN customer_id uuid,
    ADD CHECK (coalesce(case_id, task_id, customer_id) IS NOT NULL);
"""


def upgrade() -> None:
    """Create the table, and let a notice be about a customer."""
    op.execute(ALERTS)
