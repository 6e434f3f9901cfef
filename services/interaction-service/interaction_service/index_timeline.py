"""The command index-timeline."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from guanxi_kit.clock import SystemClock
from guanxi_kit.jobs import submit_once
from interaction_service.adapters.index_timeline import KIND
from interaction_service.database import open_database
from interaction_service.settings import SERVICE, InteractionSettings


async def index_timeline_command(settings: InteractionSettings, arguments: Sequence[str]) -> int:
    """Have the workers index the touchpoints that are there, for searches and key moments, and print the job's id."""
    ArgumentParser(prog=f"{SERVICE} index-timeline", description=index_timeline_command.__doc__).parse_args(
        arguments
    )
    database = await open_database(settings)
    try:
        async with database.transaction() as connection:
            job_id = await submit_once(
                connection, KIND, {}, requested_by="index-timeline", now=SystemClock().now()
            )
    finally:
        await database.close()
    sys.stdout.write(f"{job_id}\n")
    return 0
