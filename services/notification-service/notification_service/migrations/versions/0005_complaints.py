"""Who has an open complaint: nothing promotional is sent meanwhile."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

TABLE = """
CREATE TABLE notification.complaint (
    case_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    version integer NOT NULL,
    is_open boolean NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX complaint_open_idx ON notification.complaint (profile_id) WHERE is_open;
COMMENT ON TABLE notification.complaint IS 'Complaints as told last; closed ones, too: nothing late opens them.';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
