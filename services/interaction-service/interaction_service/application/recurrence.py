"""The dates of a task that comes again, by the wall clock of a zone."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule

from interaction_service.domain.tasks import WEEKDAYS, Recurrence

_FREQUENCIES = {"daily": DAILY, "weekly": WEEKLY, "monthly": MONTHLY}
_IN_EVERY_MONTH = 28


def next_due(recurrence: Recurrence, behind: datetime) -> datetime | None:
    """Return the first date of the rule after a moment; None when there is none any more.

    A wall-clock time that the zone leaves out lies as long after midnight as it would without the change; of one that
    comes twice the first counts.
    """
    zone = ZoneInfo(recurrence.zone)
    local = behind.astimezone(zone).replace(tzinfo=None)
    # The day before, too: where clocks were put back, a wall-clock time behind `local` may lie before it.
    found = _dates(recurrence, zone).xafter(
        local.replace(hour=0, minute=0, second=0, microsecond=0), inc=True
    )
    for date in found:
        moment: datetime = date.replace(tzinfo=zone).astimezone(UTC)
        if moment > behind:
            return moment
    return None


def _dates(recurrence: Recurrence, zone: ZoneInfo) -> rrule:
    start = recurrence.starts_at.astimezone(zone).replace(tzinfo=None)
    options: dict[str, Any] = {"interval": recurrence.interval}
    if recurrence.weekdays:
        options["byweekday"] = [WEEKDAYS.index(day) for day in recurrence.weekdays]
    if recurrence.frequency == "monthly" and start.day > _IN_EVERY_MONTH:
        # The last of these days that a month has.
        options |= {"bymonthday": range(_IN_EVERY_MONTH, start.day + 1), "bysetpos": -1}
    if recurrence.count is not None:
        options["count"] = recurrence.count
    elif recurrence.until is not None:
        options["until"] = datetime.combine(recurrence.until, time.max)
    return rrule(_FREQUENCIES[recurrence.frequency], dtstart=start, **options)
