"""Seeing that one waits for another in PostgreSQL."""

from __future__ import annotations

from guanxi_kit.db import Database

_WAITS = """
SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())
"""


async def waits_for_a_lock(database: Database) -> bool:
    """Whether somebody waits for a lock in this database."""
    async with database.connection() as connection:
        return bool(await connection.fetchval(_WAITS))
