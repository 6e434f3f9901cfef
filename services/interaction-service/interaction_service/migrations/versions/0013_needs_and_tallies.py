"""Needs that customers state, and counts by day for reports."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE interaction.need (
    need_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('stated', 'unmet')),
    scene text NOT NULL,
    reason text,
    actor text NOT NULL,
    logged_at timestamptz NOT NULL,
    sealed bytea NOT NULL
);
CREATE INDEX need_profile_idx ON interaction.need (profile_id, logged_at, need_id);
COMMENT ON TABLE interaction.need IS 'What customers need and do not get; sealed is what they said.';

CREATE TABLE interaction.tally (
    measure text NOT NULL,
    day date NOT NULL,
    a text NOT NULL,
    b text NOT NULL,
    c text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (measure, day, a, b, c)
) WITH (fillfactor = 70);
COMMENT ON TABLE interaction.tally IS 'Counts by day for reports; what a, b and c are depends on the measure.';

CREATE TABLE interaction.case_counted (
    case_id uuid PRIMARY KEY,
    day date NOT NULL,
    category text NOT NULL,
    cause text NOT NULL,
    solved integer NOT NULL,
    seconds bigint NOT NULL,
    reopened integer NOT NULL,
    breached integer NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE interaction.case_counted IS 'What a case has contributed to the tally so far.';

CREATE TABLE interaction.contact_month (
    month date NOT NULL,
    owner text NOT NULL,
    customer_id uuid NOT NULL,
    contacts integer NOT NULL,
    PRIMARY KEY (month, owner, customer_id)
) WITH (fillfactor = 80);
CREATE INDEX contact_month_customer_idx ON interaction.contact_month (customer_id);
COMMENT ON TABLE interaction.contact_month IS 'How often a member of staff was in contact with a customer.';
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
