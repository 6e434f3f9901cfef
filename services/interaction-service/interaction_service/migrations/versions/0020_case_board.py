"""Cases of an owner, of a team and in a state, the newest first, closed ones too, however many others there are."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

COLUMNS = ("owner", "team", "state")


def upgrade() -> None:
    """Build the indexes while cases are worked on; a step may be done again."""
    with op.get_context().autocommit_block():
        for column in COLUMNS:
            name = f"case_{column}_opened_idx"
            # One that a failure left half-built is in the way and of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS interaction.{name}")
            op.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON interaction.case_file ({column}, opened_at, case_id)"
            )
