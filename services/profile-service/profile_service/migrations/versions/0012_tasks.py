"""Tasks about customers, for the unified view."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE profile.customer_task (
    task_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    version integer NOT NULL,
    is_open boolean NOT NULL,
    document jsonb NOT NULL,
    due_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX customer_task_open_idx ON profile.customer_task (profile_id, due_at) WHERE is_open;
CREATE INDEX customer_task_profile_idx ON profile.customer_task (profile_id);
COMMENT ON TABLE profile.customer_task IS 'How tasks stand, as told last; those that are done, too.';

CREATE TABLE profile.task_tally (
    profile_id uuid PRIMARY KEY,
    changes bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE profile.task_tally IS 'How often tasks of a fragment changed: the version of the view counts it.';
"""


def upgrade() -> None:
    """Create both tables."""
    op.execute(TABLES)
