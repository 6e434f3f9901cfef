"""The pack's working calendars, with the holidays that a library knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import get_args

from chinese_calendar import constants

from guanxi_kit.packs import ClockSettings, WorkingTimes
from guanxi_kit.packs.calendars import Weekday
from guanxi_kit.packs.clocks import ALWAYS as ROUND_THE_CLOCK
from interaction_service.domain.calendars import ALWAYS, Calendar, Holidays, Week, WorkingCalendar

_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


@cache
def chinese_holidays() -> Holidays:
    """Return the days off and shifted working days of mainland China, as the State Council announced them."""
    off, worked = frozenset(constants.holidays), frozenset(constants.workdays)
    return Holidays(off, worked, frozenset(day.year for day in off))


def make_calendars(clocks: ClockSettings) -> Mapping[str, Calendar]:
    """Return the calendars of a pack by name, the one that runs round the clock among them."""
    made = {name: _calendar(times) for name, times in clocks.calendars.items()}
    return {ROUND_THE_CLOCK: ALWAYS, **made}


def _calendar(times: WorkingTimes) -> WorkingCalendar:
    weeks = [(date.min, _week(times.week)), *((each.from_, _week(each.week)) for each in times.changes)]
    return WorkingCalendar(
        zone=times.zone,
        weeks=tuple(weeks),
        holidays=chinese_holidays() if times.holidays == "CN" else None,
        closed=frozenset(times.closed),
        open=times.open,
        shifted_like=_WEEKDAYS.index(times.shifted_like),
    )


def _week(days: Mapping[Weekday, tuple[tuple[int, int], ...]]) -> Week:
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = (days.get(day, ()) for day in _WEEKDAYS)
    return monday, tuesday, wednesday, thursday, friday, saturday, sunday
