"""The connections of a process."""

from __future__ import annotations

from guanxi_kit.db import Database, open_pool
from interaction_service.settings import SERVICE, InteractionSettings

LEAST_CONNECTIONS = 2
"""The worker makes a month's partition beside the transaction of its batch."""


async def open_database(settings: InteractionSettings, plan_cache_mode: str = "auto") -> Database:
    """Open the connections of a process."""
    pool = await open_pool(
        settings.database_dsn(),
        max=max(settings.database_pool, LEAST_CONNECTIONS),
        application_name=f"{SERVICE}-{settings.role}",
        plan_cache_mode=plan_cache_mode,
    )
    return Database(pool)
