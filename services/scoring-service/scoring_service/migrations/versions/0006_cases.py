"""Cases: what open complaints, overdue and reopened cases say of the risk."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CASES = """
ALTER TABLE scoring.feature
    ADD COLUMN open_complaints integer NOT NULL DEFAULT 0,
    ADD COLUMN overdue_cases integer NOT NULL DEFAULT 0,
    ADD COLUMN reopened_cases integer NOT NULL DEFAULT 0,
    ADD COLUMN last_complaint_at timestamptz;
ALTER TABLE scoring.customer_score ADD COLUMN risk smallint NOT NULL DEFAULT 0;
CREATE TABLE scoring.case_standing (
    case_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    version integer NOT NULL,
    is_complaint boolean NOT NULL,
    is_open boolean NOT NULL,
    is_overdue boolean NOT NULL,
    was_reopened boolean NOT NULL,
    opened_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX case_standing_profile_idx ON scoring.case_standing (profile_id);
COMMENT ON TABLE scoring.case_standing IS 'Cases as told last, so that a repeat or an older version counts nothing.';
"""


def upgrade() -> None:
    """Add the columns and create the table."""
    op.execute(_CASES)
