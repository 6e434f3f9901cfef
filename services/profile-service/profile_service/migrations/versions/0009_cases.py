"""Cases of customers, for the unified view."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE profile.customer_case (
    case_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    version integer NOT NULL,
    is_open boolean NOT NULL,
    document jsonb NOT NULL,
    next_due_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX customer_case_open_idx ON profile.customer_case (profile_id, next_due_at) WHERE is_open;
CREATE INDEX customer_case_profile_idx ON profile.customer_case (profile_id);
COMMENT ON TABLE profile.customer_case IS 'How cases stand, as told last; closed ones, too.';

CREATE TABLE profile.case_tally (
    profile_id uuid PRIMARY KEY,
    changes bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE profile.case_tally IS 'How often cases of a fragment changed: the version of the view counts it.';
"""


def upgrade() -> None:
    """Create both tables."""
    op.execute(TABLES)
