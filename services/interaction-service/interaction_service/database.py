"""The connections of a process."""

from __future__ import annotations

from guanxi_kit.db import Database, open_pool
from interaction_service.settings import SERVICE, InteractionSettings

LEAST_CONNECTIONS = 2
"""The worker makes a month's partition beside the transaction of its batch."""


PLANNED_EACH_TIME = {"plan_cache_mode": "force_custom_plan"}
"""For the desk's lists: a filter that is not given, or a set of times, is nothing to a plan for all parameters."""
PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
"""For statements whose plan is the same for all parameters; one made while a table was small must not stay a scan."""


async def open_database(settings: InteractionSettings, **server_settings: str) -> Database:
    """Open the connections of a process."""
    pool = await open_pool(
        settings.database_dsn(),
        max=max(settings.database_pool, LEAST_CONNECTIONS),
        application_name=f"{SERVICE}-{settings.role}",
        server_settings=server_settings,
    )
    return Database(pool)
