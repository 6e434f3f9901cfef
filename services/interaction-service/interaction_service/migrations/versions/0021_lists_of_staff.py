"""Open cases, the newest first; tasks of an owner or a team, done ones too: however many others there are."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

INDEXES = {
    "case_open_opened_idx": "case_file (opened_at, case_id) WHERE is_open",
    "task_owner_due_idx": "task (owner, due_at, task_id)",
    "task_team_due_idx": "task (team, due_at, task_id)",
}


def upgrade() -> None:
    """Build the indexes while cases and tasks are worked on; a step may be done again."""
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            # One that a failure left half-built is in the way and of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS interaction.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON interaction.{columns}")
