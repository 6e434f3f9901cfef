"""Working time: when a team is there, and how much of a stretch of time that is.

A moment is open when the wall clock of the calendar's zone stands inside one of the intervals of that day. Intervals
are half-open. Where the clocks are put back the repeated hour counts twice, where they are put forward the missing one
does not count.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from interaction_service.domain.offsets import Span, utc_spans

MONDAY = 0
DAY = timedelta(days=1)
NOTICE = timedelta(days=60)
"""How long before a year begins its holidays should be known: due times already reach into it by then."""
_CACHED_DAYS = 4_000

Intervals = tuple[tuple[int, int], ...]
"""Minutes of the wall clock's day, [from, until), rising and apart, in 0..1440."""
Week = tuple[Intervals, Intervals, Intervals, Intervals, Intervals, Intervals, Intervals]
"""The intervals of Monday to Sunday."""


class Calendar(Protocol):
    """Counts working time. All moments are aware; those returned are in UTC."""

    def working_seconds(self, begin: datetime, end: datetime) -> float:
        """Return the working time in [begin, end), in seconds; 0 when `end` is not later."""
        ...

    def add(self, at: datetime, seconds: float) -> datetime:
        """Return the first moment by which so much working time has passed since `at`; `at` itself for none."""
        ...

    def is_open(self, at: datetime) -> bool:
        """Tell whether the moment is working time."""
        ...

    def missing_years(self, now: datetime) -> tuple[int, ...]:
        """Return the years that matter now and whose holidays are not known: the plain week holds in them."""
        ...


class _Always:
    """Round the clock."""

    def working_seconds(self, begin: datetime, end: datetime) -> float:
        return max(0.0, (end - begin).total_seconds())

    def add(self, at: datetime, seconds: float) -> datetime:
        return at.astimezone(UTC) + timedelta(seconds=max(0.0, seconds))

    def is_open(self, at: datetime) -> bool:
        return at.tzinfo is not None

    def missing_years(self, now: datetime) -> tuple[int, ...]:
        return ()


ALWAYS: Calendar = _Always()
"""The calendar of what runs round the clock."""


@dataclass(frozen=True)
class Holidays:
    """Days off and shifted working days (调休) of a country, for the years that are known."""

    off: frozenset[date]
    worked: frozenset[date]
    years: frozenset[int]


@dataclass(frozen=True)
class WorkingCalendar:
    """The working time of a team, in its zone.

    `weeks`: by the day from which each holds, rising; the first also holds before its day. A week that changes gets
    another entry, so that what was counted before stays as it was. For one day the first of these decides: `open`,
    `closed`, a day off, a shifted working day (its intervals are those of `shifted_like` in the week, Monday unless
    said otherwise), the week. Raises ValueError when the last week has no working time: no clock would ever be due.
    """

    zone: ZoneInfo
    weeks: tuple[tuple[date, Week], ...]
    holidays: Holidays | None = None
    closed: frozenset[date] = frozenset()
    open: Mapping[date, Intervals] = field(default_factory=dict)
    shifted_like: int = MONDAY

    def __post_init__(self) -> None:
        if not self.weeks or not any(self.weeks[-1][1]):
            raise ValueError("the last week of a calendar needs working time")

    def working_seconds(self, begin: datetime, end: datetime) -> float:
        """Return the working time in [begin, end), in seconds; 0 when `end` is not later."""
        total = timedelta()
        for since, until in self._spans(begin):
            if since >= end:
                break
            total += min(until, end) - since
        return total.total_seconds()

    def add(self, at: datetime, seconds: float) -> datetime:
        """Return the first moment by which so much working time has passed since `at`; `at` itself for none."""
        rest = timedelta(seconds=seconds)
        if rest <= timedelta():
            return at.astimezone(UTC)
        for since, until in self._spans(at):
            if rest <= until - since:
                return since + rest
            rest -= until - since
        raise OverflowError("no such day")

    def is_open(self, at: datetime) -> bool:
        """Tell whether the moment is working time."""
        return next((since <= at for since, _ in self._spans(at, days=1)), False)

    def missing_years(self, now: datetime) -> tuple[int, ...]:
        """Return this year, and the coming one from two months before it begins, where the holidays are not known."""
        if self.holidays is None:
            return ()
        years = {now.astimezone(self.zone).year, (now + NOTICE).astimezone(self.zone).year}
        return tuple(sorted(years - self.holidays.years))

    def intervals_on(self, day: date) -> Intervals:
        """Return the intervals of a day, in minutes of its wall clock."""
        if day in self.open:
            return self.open[day]
        holidays = self.holidays
        if day in self.closed or (holidays and day in holidays.off):
            return ()
        shifted = holidays is not None and day in holidays.worked
        return self._week_of(day)[self.shifted_like if shifted else day.weekday()]

    def _week_of(self, day: date) -> Week:
        place = bisect_right(self.weeks, day, key=lambda each: each[0])
        return self.weeks[max(0, place - 1)][1]

    def _spans(self, begin: datetime, days: int | None = None) -> Iterator[Span]:
        """Yield the working time from `begin` on, rising, for ever or for so many days of the wall clock."""
        begin = begin.astimezone(UTC)
        day = begin.astimezone(self.zone).date()
        while days is None or days > 0:
            for since, until in self._spans_on(day):
                if until > begin:
                    yield max(since, begin), until
            day += DAY
            days = None if days is None else days - 1

    def _spans_on(self, day: date) -> tuple[Span, ...]:
        found = self._known.get(day)
        if found is None:
            if len(self._known) >= _CACHED_DAYS:
                self._known.clear()
            found = self._known[day] = utc_spans(self.zone, day, self.intervals_on(day))
        return found

    @cached_property
    def _known(self) -> dict[date, tuple[Span, ...]]:
        return {}
