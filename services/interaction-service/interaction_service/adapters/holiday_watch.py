"""Tells operators when a calendar does not know the holidays of a year that matters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from prometheus_client import Gauge

from guanxi_kit.clock import Clock
from guanxi_kit.logging import get_logger
from guanxi_kit.telemetry import METRICS
from interaction_service.domain.calendars import Calendar

MISSING = Gauge(
    "guanxi_calendar_missing_years",
    "Years that matter now and whose holidays a working calendar does not know.",
    ("calendar",),
    registry=METRICS.registry,
)
LOOK_SECONDS = 3600.0
_log = get_logger("interaction.calendars")


class HolidayWatch:
    """A part of the worker process: looks every hour, shows the metric, and logs each missing year once."""

    def __init__(self, calendars: Mapping[str, Calendar], clock: Clock) -> None:
        self._calendars, self._clock = calendars, clock
        self._told: set[tuple[str, int]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Look until stopped."""
        while not self._stopping.is_set():
            self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    def look(self) -> None:
        """Show what is missing now: until the library is brought up to date the plain week holds in such a year."""
        now = self._clock.now()
        for name, calendar in self._calendars.items():
            missing = calendar.missing_years(now)
            MISSING.labels(calendar=name).set(len(missing))
            for year in missing:
                if (name, year) not in self._told:
                    self._told.add((name, year))
                    _log.warning("calendar.holidays_missing", calendar=name, year=year)
