"""Looks at the clocks of open cases anew when a worker starts: their calendars may say something else than before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import asyncpg

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import stream_unit
from guanxi_kit.db import Database, DatabaseUnavailable, is_transient
from guanxi_kit.logging import get_logger
from guanxi_kit.packs.clocks import ALWAYS
from interaction_service.adapters.case_work import CaseWork
from interaction_service.application.case_commands import TimerOf

PAGE = 100
REST_SECONDS = 5.0
OPEN = "SELECT case_id FROM case_file WHERE is_open ORDER BY case_id"
# Of clocks that run round the clock nothing can have changed.
RUNS = """
SELECT case_id, cycle, clock, run FROM case_clock AS standing
WHERE case_id = ANY($1::uuid[]) AND state <> 'stopped' AND EXISTS (
  SELECT FROM case_clock_event AS event WHERE (event.case_id, event.cycle, event.clock, event.run)
    = (standing.case_id, standing.cycle, standing.clock, standing.run) AND event.policy ->> 'calendar' <> $2)
"""
_log = get_logger("interaction.clocks")


class ClockReview:
    """A part of the worker process. A due time that lies earlier than before is not met by the timer that was armed.

    Reviewing twice, or several workers at once, changes nothing more.
    """

    def __init__(self, database: Database, relay: Relay, stream: str, work: CaseWork, clock: Clock) -> None:
        self._database, self._relay, self._stream = database, relay, stream
        self._work, self._clock = work, clock
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Review once, again where the database was away, and wait to be stopped."""
        while not self._stopping.is_set():
            rest = None
            try:
                await self.review()
            except (OSError, DatabaseUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                # Also of a database that is not migrated yet: it will be.
                _log.warning("clocks.review_postponed", reason=type(error).__name__)
                rest = REST_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    async def review(self) -> None:
        """Derive the clocks of open cases that count working time, a page in a transaction."""
        async with self._database.connection() as connection:
            found = [row["case_id"] for row in await connection.fetch(OPEN)]
        for begin in range(0, len(found), PAGE):
            if self._stopping.is_set():
                return
            page = found[begin : begin + PAGE]
            try:
                await self._page(page)
            except Exception as error:
                if is_transient(error):
                    raise
                # A case that cannot be read is no reason for others to wait; its own timer will say which it is.
                _log.exception("clocks.review_failed", first=str(page[0]), cases=len(page))

    async def _page(self, case_ids: Sequence[UUID]) -> None:
        async with stream_unit(self._database, self._relay, self._stream, self._clock) as unit:
            await self._work.lock(unit, case_ids)
            runs = [TimerOf(*row) for row in await unit.connection.fetch(RUNS, case_ids, ALWAYS)]
            await self._work.desk(unit).raise_alarms(runs)
