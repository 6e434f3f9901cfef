"""How complete the records are of customers whom staff were in contact with."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

FIGURES = """
ALTER TABLE interaction.contact_month
    ADD COLUMN required integer NOT NULL DEFAULT 0,
    ADD COLUMN filled integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN interaction.contact_month.required IS 'fields of the record that this row contributed to the tally';
"""


def upgrade() -> None:
    """Add the figures."""
    op.execute(FIGURES)
