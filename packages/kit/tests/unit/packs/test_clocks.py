"""`clocks.yaml`: what the handbook promises, and mistakes by file, line and field."""

from datetime import timedelta
from pathlib import Path

import pytest

from guanxi_kit.packs import ClockName, ClockSettings, load_pack

from .conftest import PACKS, Edit, problems


@pytest.mark.parametrize(
    ("clock", "kind", "priority", "minutes", "calendar"),
    [
        ("first_response", "enquiry", "normal", 15, "hotline"),
        ("first_response", "enquiry", "urgent", 15, "always"),
        ("first_response", "complaint", "normal", 60, "always"),
        ("response_limit", "complaint", "high", 24 * 60, "always"),
        ("response_limit", "enquiry", "high", None, None),
        ("progress", "request", "normal", 24 * 60, "always"),
        ("solution", "complaint", "urgent", 48 * 60, "always"),
        ("plan", "request", "urgent", 120, "always"),
        ("plan", "request", "high", None, None),
    ],
)
def test_the_services_pack_promises_what_the_handbook_says(
    clock: ClockName, kind: str, priority: str, minutes: int | None, calendar: str | None
) -> None:
    clocks = load_pack(PACKS, "services").clocks
    promise = clocks.promise(clock, kind, priority)
    assert (promise and promise.within) == (None if minutes is None else timedelta(minutes=minutes))
    assert (promise and clocks.calendar_of(promise, "service")) == calendar


def test_a_pack_without_clocks_promises_nothing(packs: Path) -> None:
    (packs / "services" / "clocks.yaml").unlink()
    clocks: ClockSettings = load_pack(packs, "services").clocks
    assert clocks.promise("solution", "complaint", "urgent") is None
    assert (clocks.warn, clocks.ladder) == ((50, 80, 100), ())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Asia/Shanghai", "Asia/Peking", "4: clocks.calendars.office.zone: must be a time zone"),
        ("18:00", "25:00", "6: clocks.calendars.office.week.monday[1]: must be times of one day"),
        ("18:00", "24:30", "6: clocks.calendars.office.week.monday[1]: ends at 24:00"),
        ("13:30-18:00", "22:00-06:00", "6: clocks.calendars.office.week.monday[1]: must end after"),
        (
            "13:30-18:00",
            "11:00-18:00",
            "6: clocks.calendars.office.week.monday: the times of a day must rise",
        ),
        ("monday:", "Montag:", "6: clocks.calendars.office.week.Montag: "),
        ("holidays: CN", "holidays: DE", "11: clocks.calendars.office.holidays: "),
        ("holidays: CN", 'closed: ["2026-02-30"]', "11: clocks.calendars.office.closed[0]: is no day"),
        (
            "holidays: CN",
            'closed: ["2026-02-20"]\n    open: {"2026-02-20": ["10:00-12:00"]}',
            "3: clocks.calendars.office: 2026-02-20 is both open and closed",
        ),
        (
            "holidays: CN",
            'changes: [{from: "2026-05-01", week: {monday: ["09:00-09:30"]}}]',
            "11: clocks.calendars.office.changes[0].week: a week needs at least an hour",
        ),
        ("  hotline:", "  team:", "12: clocks.calendars.team: 'team' is the name of a built-in calendar"),
        (
            "calendar: hotline",
            "calendar: night",
            "23: clocks.teams.service.calendar: there is no calendar 'night'",
        ),
        ("within: 1h, calendar: always", "within: 1h, calendar: none", "there is no calendar 'none'"),
        ("within: 48h", "within: 91d", "38: clocks.promises.solution[0].within: must be 90 days at most"),
        (
            "within: 2h,",
            "within: 2h, pause: 1d,",
            "40: clocks.promises.plan[0].pause: only the solution clock pauses",
        ),
        (
            "kinds: [request], within: 4h",
            "kinds: [enquiry], within: 4h",
            "32: clocks.promises.first_response[4]: ",
        ),
        ("  plan:", "  answer:", "39: clocks.promises.answer: Input should be"),
        ("[50, 80, 100]", "[50, 80]", "41: clocks.warn: must end at 100"),
        ("[50, 80, 100]", "[80, 50, 100]", "41: clocks.warn: must rise"),
        ("after: 2h", "after: 10m", "43: clocks.ladder: must rise"),
        ("to: [manager]", "to: [boss]", "46: clocks.ladder[2].to[0]: "),
    ],
)
def test_every_mistake_is_named_by_line_and_field(
    packs: Path, edit: Edit, old: str, new: str, expected: str
) -> None:
    edit("clocks.yaml", old, new)
    found = problems(packs)
    assert any(expected in each for each in found)
    assert all(each.startswith("clocks.yaml:") for each in found)
