"""Surveys."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SURVEYS = """
CREATE TABLE interaction.survey (
    survey_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    form text NOT NULL,
    origin text NOT NULL,
    due_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    state text NOT NULL CHECK (state IN ('planned', 'issued', 'answered', 'cancelled', 'expired')),
    version integer NOT NULL,
    case_id uuid,
    cycle integer,
    owner text,
    team text,
    nonce bytea,
    issued_at timestamptz,
    expires_at timestamptz,
    ended_at timestamptz,
    csat jsonb NOT NULL,
    nps smallint,
    improvement_id uuid,
    sealed bytea
) WITH (fillfactor = 80);
CREATE INDEX survey_profile_idx ON interaction.survey (profile_id, due_at, survey_id);
CREATE INDEX survey_due_idx ON interaction.survey (due_at, survey_id);
CREATE INDEX survey_case_idx ON interaction.survey (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX survey_improvement_idx ON interaction.survey (improvement_id) WHERE improvement_id IS NOT NULL;
COMMENT ON TABLE interaction.survey IS 'What a customer is asked; sealed is what the customer wrote.';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(SURVEYS)
