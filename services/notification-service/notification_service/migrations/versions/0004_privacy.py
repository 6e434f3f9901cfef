"""Erasure: whom nothing is stored about any more."""

from __future__ import annotations

from alembic import op

from guanxi_kit.erasure import DEAD_LETTERS, ERASED_FRAGMENT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, then index the dead letters by whom they are about."""
    op.execute(ERASED_FRAGMENT.format(schema="notification"))
    with op.get_context().autocommit_block():
        for statement in DEAD_LETTERS:
            op.execute(statement.format(schema="notification"))
