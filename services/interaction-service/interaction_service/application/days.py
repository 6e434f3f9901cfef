"""The day of a moment, by the wall clock of a zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def end_of_day(now: datetime, zone: str) -> datetime:
    """Return when the next day of the zone begins."""
    tomorrow = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, ZoneInfo(zone)).astimezone(UTC)
