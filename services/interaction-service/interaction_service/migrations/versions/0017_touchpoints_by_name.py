"""Touchpoints of a fragment by the names of events: the last contacts lie behind thousands of page views.

Online-safe at a hundred million touchpoints: the index is built month by month, and a step may be done again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NAME = "touchpoint_name_idx"
COLUMNS = "(profile_id, name, occurred_at, touchpoint_id)"
# A month that is made meanwhile has its own.
MONTHS = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'interaction.touchpoint'::regclass AND NOT EXISTS (
    SELECT FROM pg_index AS x JOIN pg_inherits AS whole ON whole.inhrelid = x.indexrelid
    WHERE x.indrelid = c.oid AND whole.inhparent = 'interaction.touchpoint_name_idx'::regclass)
ORDER BY c.relname
"""


def upgrade() -> None:
    """Name the index for all months, which begins with none; then build it for each and add it."""
    with op.get_context().autocommit_block():
        op.execute(f"CREATE INDEX IF NOT EXISTS {NAME} ON ONLY interaction.touchpoint {COLUMNS}")
        for month in op.get_bind().execute(sa.text(MONTHS)).scalars().all():
            # One that a failure left half-built is in the way and of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS interaction.{month}_name_idx")
            op.execute(f"CREATE INDEX CONCURRENTLY {month}_name_idx ON interaction.{month} {COLUMNS}")
            op.execute(f"ALTER INDEX interaction.{NAME} ATTACH PARTITION interaction.{month}_name_idx")
