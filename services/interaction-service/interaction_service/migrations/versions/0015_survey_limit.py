"""Surveys that are held back, because the customer was asked something lately."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LIMIT = """
ALTER TABLE interaction.survey
    ADD COLUMN held_back text CHECK (held_back IN ('asked_recently', 'case_first')),
    ADD COLUMN held_back_for uuid,
    DROP CONSTRAINT survey_state_check,
    ADD CONSTRAINT survey_state_check
        CHECK (state IN ('planned', 'issued', 'answered', 'cancelled', 'expired', 'held_back'));
CREATE INDEX survey_issued_idx ON interaction.survey (profile_id, issued_at) WHERE issued_at IS NOT NULL;
CREATE INDEX survey_planned_case_idx ON interaction.survey (profile_id, due_at)
    WHERE origin = 'case' AND state = 'planned';
"""


def upgrade() -> None:
    """Add the columns and the indexes that the limit is judged by."""
    op.execute(LIMIT)
