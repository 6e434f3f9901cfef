"""Surveys of customers, for the unified view."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE profile.customer_survey (
    survey_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    at timestamptz NOT NULL,
    document jsonb NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX customer_survey_profile_idx ON profile.customer_survey (profile_id, state, at);
COMMENT ON TABLE profile.customer_survey IS 'What customers were asked and gave as figures, as told last.';

CREATE TABLE profile.survey_tally (
    profile_id uuid PRIMARY KEY,
    changes bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE profile.survey_tally IS 'How often surveys of a fragment changed: the version of the view counts it.';
"""


def upgrade() -> None:
    """Create both tables."""
    op.execute(TABLES)
