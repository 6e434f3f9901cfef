"""Notices to staff of promises that are about to be broken."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE notification.staff_notice (
    notice_id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    profile_id uuid NOT NULL,
    recipient text NOT NULL,
    way text,
    told jsonb NOT NULL,
    state text NOT NULL CHECK (
        state IN ('planned', 'reserved', 'sending', 'sent', 'failed', 'uncertain', 'skipped')),
    reason text,
    due_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    planned_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CHECK ((due_at IS NULL) = (state IN ('sent', 'failed', 'uncertain', 'skipped')))
) WITH (fillfactor = 80);
CREATE INDEX staff_notice_due_idx ON notification.staff_notice (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX staff_notice_profile_idx ON notification.staff_notice (profile_id);
COMMENT ON COLUMN notification.staff_notice.told IS 'number of the case, team, clock, level and due time: no more';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
