"""Working calendars of the pack: holidays, shifted working days, weeks that change, years that are not known."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from guanxi_kit.packs import load_pack
from guanxi_kit.testing import ManualClock
from interaction_service.adapters.holiday_watch import MISSING, HolidayWatch
from interaction_service.adapters.working_calendars import chinese_holidays, make_calendars
from interaction_service.domain.calendars import Week, WorkingCalendar

PACKS = Path(__file__).parents[4] / "packs"
SHANGHAI = ZoneInfo("Asia/Shanghai")
LAST_KNOWN = max(chinese_holidays().years)
HOUR = 3600


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_the_packs_calendars_know_holidays_and_shifted_working_days() -> None:
    office = make_calendars(load_pack(PACKS, "services").clocks)["office"]
    assert office.is_open(local("2024-09-30 17:59:59"))
    assert not office.is_open(local("2024-09-30 12:00"))
    # 1 to 7 October are off; Saturday the 12th is worked like a Monday.
    assert office.add(local("2024-09-30 17:00"), 2 * HOUR) == local("2024-10-08 10:00")
    assert office.working_seconds(local("2024-10-12 00:00"), local("2024-10-13 00:00")) == 7.5 * HOUR
    assert office.working_seconds(local("2024-10-05 00:00"), local("2024-10-06 00:00")) == 0
    always = make_calendars(load_pack(PACKS, "services").clocks)["always"]
    assert always.add(local("2024-10-01 23:00"), HOUR) == local("2024-10-02 00:00")


def test_a_week_that_changes_leaves_what_was_before() -> None:
    day, short = ((540, 1080),), ((540, 720),)
    weeks: list[tuple[date, Week]] = [(date(2024, 1, 1), (day,) * 7), (date(2024, 5, 8), (short,) * 7)]
    calendar = WorkingCalendar(SHANGHAI, tuple(weeks), closed=frozenset({date(2024, 5, 9)}))
    assert (
        calendar.working_seconds(local("2024-05-07 00:00"), local("2024-05-11 00:00"))
        == (9 + 3 + 0 + 3) * HOUR
    )
    assert calendar.working_seconds(local("2023-05-07 00:00"), local("2023-05-08 00:00")) == 9 * HOUR
    with pytest.raises(ValueError, match="needs working time"):
        WorkingCalendar(SHANGHAI, ((date.min, ((),) * 7),))


def test_a_repeated_hour_counts_twice_and_a_missing_one_not_at_all() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = WorkingCalendar(berlin, ((date.min, (((60, 240),),) * 7),))
    for day, hours in ((date(2024, 3, 31), 2), (date(2024, 10, 27), 4), (date(2024, 6, 2), 3)):
        midnight = datetime(day.year, day.month, day.day, tzinfo=berlin)
        assert night.working_seconds(midnight, midnight.replace(hour=12)) == hours * HOUR
        assert night.add(midnight, hours * HOUR) == datetime(day.year, day.month, day.day, 4, tzinfo=berlin)


def test_a_coming_year_without_holidays_is_told_once_in_the_log_and_all_the_time_as_a_metric() -> None:
    clock = ManualClock(datetime(LAST_KNOWN, 10, 20, tzinfo=UTC))
    calendars = make_calendars(load_pack(PACKS, "services").clocks)
    watch = HolidayWatch(calendars, clock)
    with capture_logs() as logs:
        watch.look()
        assert (logs, MISSING.labels(calendar="office")._value.get()) == ([], 0)
        clock.advance(15 * 24 * HOUR)
        watch.look()
        watch.look()
    # The hotline works on holidays as well.
    assert [(line["calendar"], line["year"]) for line in logs] == [("office", LAST_KNOWN + 1)]
    assert MISSING.labels(calendar="hotline")._value.get() == 0
    assert MISSING.labels(calendar="office")._value.get() == 1
    # The plain week holds in it.
    assert calendars["office"].is_open(datetime(LAST_KNOWN + 1, 10, 5, 10, tzinfo=SHANGHAI)) == (
        date(LAST_KNOWN + 1, 10, 5).weekday() < 5
    )
