"""Invitations to surveys."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE notification.survey_invitation (
    survey_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    version integer NOT NULL,
    is_open boolean NOT NULL,
    expires_at timestamptz NOT NULL,
    nonce bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX survey_invitation_profile_idx ON notification.survey_invitation (profile_id);
COMMENT ON TABLE notification.survey_invitation IS 'What links of surveys are made of when they are sent.';
ALTER TABLE notification.message ALTER COLUMN touchpoint_id DROP NOT NULL;
ALTER TABLE notification.message ADD COLUMN survey_id uuid;
"""


def upgrade() -> None:
    """Create the table; messages may be about a survey."""
    op.execute(TABLES)
