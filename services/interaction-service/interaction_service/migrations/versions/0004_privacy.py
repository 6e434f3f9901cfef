"""Erasure: whom nothing is stored about any more, and what the law wants kept of them."""

from __future__ import annotations

from alembic import op

from guanxi_kit.erasure import DEAD_LETTERS, ERASED_FRAGMENT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

HELD = """
CREATE TABLE IF NOT EXISTS interaction.held_record (
    request_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    records integer NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (request_id, number)
);
COMMENT ON TABLE interaction.held_record IS 'What a legal hold keeps of an erased person; no endpoint reads it.';
"""


def upgrade() -> None:
    """Create the tables, then index the dead letters by whom they are about."""
    op.execute(ERASED_FRAGMENT.format(schema="interaction"))
    op.execute(HELD)
    with op.get_context().autocommit_block():
        for statement in DEAD_LETTERS:
            op.execute(statement.format(schema="interaction"))
