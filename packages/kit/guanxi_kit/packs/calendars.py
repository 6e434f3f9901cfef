"""Working calendars in pack file `clocks.yaml`: zone, week, holidays, single days."""

from __future__ import annotations

import itertools
import re
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from guanxi_kit.packs.model import PackModel

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
LEAST_MINUTES_A_WEEK = 60
_TIMES = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _to_minutes(value: object) -> tuple[int, int]:
    match = _TIMES.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be times of one day such as 09:00-12:00, at the latest 24:00")
    begin, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if end > 24 * 60:
        raise ValueError("ends at 24:00 at the latest")
    if begin >= end:
        raise ValueError("must end after it begins; what goes on over midnight is written under both days")
    return begin, end


def _rising(intervals: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    for before, after in itertools.pairwise(intervals):
        if before[1] > after[0]:
            raise ValueError("the times of a day must rise and not overlap")
    return intervals


def _to_day(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a day such as 2026-10-01")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is no day of the calendar") from None


def _to_zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(value) if isinstance(value, str) else ZoneInfo("")
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as Asia/Shanghai") from None


Interval = Annotated[tuple[int, int], BeforeValidator(_to_minutes)]
Intervals = Annotated[tuple[Interval, ...], Field(max_length=24), AfterValidator(_rising)]
Day = Annotated[date, BeforeValidator(_to_day)]
Zone = Annotated[ZoneInfo, BeforeValidator(_to_zone)]


def _long_enough(
    week: dict[Weekday, tuple[tuple[int, int], ...]],
) -> dict[Weekday, tuple[tuple[int, int], ...]]:
    if sum(end - begin for intervals in week.values() for begin, end in intervals) < LEAST_MINUTES_A_WEEK:
        raise ValueError("a week needs at least an hour of working time")
    return week


Week = Annotated[dict[Weekday, Intervals], AfterValidator(_long_enough)]
"""Working times by day; a day that is not named has none."""


class WeekChange(PackModel):
    """Another week, which holds from a day on."""

    model_config = ConfigDict(populate_by_name=False)

    from_: Day = Field(alias="from")
    week: Week


class WorkingTimes(PackModel):
    """One working calendar.

    `week` holds until the first of `changes`. `holidays: CN`: days off and shifted working days of mainland China;
    on a shifted working day the times of `shifted_like` hold. `closed`: further days off. `open`: the times of single
    days, before anything else.
    """

    zone: Zone
    week: Week
    changes: Annotated[tuple[WeekChange, ...], Field(max_length=100)] = ()
    holidays: Literal["CN"] | None = None
    shifted_like: Weekday = "monday"
    closed: Annotated[tuple[Day, ...], Field(max_length=1000)] = ()
    open: Annotated[dict[Day, Intervals], Field(max_length=1000, default_factory=dict)]

    @field_validator("changes")
    @classmethod
    def _changes_rise(cls, changes: tuple[WeekChange, ...]) -> tuple[WeekChange, ...]:
        days = [change.from_ for change in changes]
        if days != sorted(set(days)):
            raise ValueError("must rise from each `from` to the next")
        return changes

    @model_validator(mode="after")
    def _one_word_for_a_day(self) -> WorkingTimes:
        for day in self.closed:
            if day in self.open:
                raise ValueError(f"{day} is both open and closed")
        return self
