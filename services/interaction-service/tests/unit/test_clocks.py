"""Clocks: what the promises need, then any history at all against a walk minute by minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction_service.domain.calendars import ALWAYS, Calendar, Holidays, Intervals, Week, WorkingCalendar
from interaction_service.domain.clocks import ClockEvent, EventKind, Policy, derive

from .minute_model import ModelCalendar, ModelPolicy, walk

SHANGHAI = ZoneInfo("Asia/Shanghai")
WORKDAY: Intervals = ((540, 720), (810, 1080))
"""09:00-12:00 and 13:30-18:00."""
OFFICE: Week = (WORKDAY, WORKDAY, WORKDAY, WORKDAY, WORKDAY, (), ())
TEAM = WorkingCalendar(SHANGHAI, ((date(2024, 1, 1), OFFICE),))
HOUR = 3600


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def start(text: str, seconds: int, calendar: Calendar = TEAM, max_pause: int | None = None) -> ClockEvent:
    return ClockEvent("start", local(text), Policy(seconds, calendar, max_pause))


def test_an_enquiry_before_the_break_is_due_after_it() -> None:
    clock = derive([start("2024-05-08 11:50", 900)], local("2024-05-08 11:55"))
    assert clock.due_at == local("2024-05-08 13:35")
    assert (clock.state, clock.used_seconds, clock.breached_at) == ("running", 300, None)
    assert clock.instant_of(50) == local("2024-05-08 11:57:30")
    assert clock.next_turn(local("2024-05-08 11:55"), (50, 80, 100)) == local("2024-05-08 11:57:30")


def test_a_complaint_is_due_within_the_hour_by_night() -> None:
    opened = start("2024-05-11 23:50", HOUR, ALWAYS)
    assert derive([opened], opened.at).due_at == local("2024-05-12 00:50")
    in_time = ClockEvent("stop", local("2024-05-12 00:49:59"))
    assert derive([opened, in_time], local("2024-05-13 00:00")).breached_at is None
    late = derive([opened, ClockEvent("stop", local("2024-05-12 00:50"))], local("2024-05-13 00:00"))
    assert (late.breached_at, late.stopped_at, late.due_at) == (
        local("2024-05-12 00:50"),
        local("2024-05-12 00:50"),
        None,
    )


def test_a_pause_moves_the_due_time_until_its_total_limit_is_used_up() -> None:
    opened = start("2024-05-06 09:00", 8 * HOUR, ALWAYS, max_pause=3 * HOUR)
    asked, answered = (
        ClockEvent("pause", local("2024-05-06 10:00")),
        ClockEvent("resume", local("2024-05-06 12:00")),
    )
    assert derive([opened, asked], local("2024-05-06 11:00")).due_at is None
    assert derive([opened, asked, answered], local("2024-05-06 12:00")).due_at == local("2024-05-06 19:00")
    again = ClockEvent("pause", local("2024-05-06 14:00"))
    waiting = derive([opened, asked, answered, again], local("2024-05-06 14:30"))
    assert (waiting.state, waiting.resumes_at) == ("paused", local("2024-05-06 15:00"))
    assert waiting.next_turn(local("2024-05-06 14:30")) == local("2024-05-06 15:00")
    silent = derive([opened, asked, answered, again], local("2024-05-06 23:00"))
    assert (silent.state, silent.breached_at) == ("running", local("2024-05-06 20:00"))
    assert silent.paused_seconds == 3 * HOUR


def test_a_change_of_policy_keeps_the_time_used_and_is_never_due_before_it() -> None:
    opened = start("2024-05-06 09:00", 48 * HOUR, ALWAYS)
    urgent = ClockEvent("policy", local("2024-05-06 10:30"), Policy(2 * HOUR, ALWAYS))
    assert derive([opened, urgent], local("2024-05-06 10:30")).due_at == local("2024-05-06 11:00")
    late = ClockEvent("policy", local("2024-05-06 15:00"), Policy(2 * HOUR, ALWAYS))
    found = derive([opened, late], local("2024-05-06 15:00"))
    assert (found.due_at, found.breached_at) == (late.at, late.at)
    relaxed = ClockEvent("policy", local("2024-05-06 16:00"), Policy(48 * HOUR, ALWAYS))
    found = derive([opened, late, relaxed], local("2024-05-06 17:00"))
    assert (found.due_at, found.breached_at) == (local("2024-05-08 09:00"), late.at)


def test_each_start_is_a_round_of_its_own_and_breaches_stay() -> None:
    events = [start("2024-05-06 09:00", HOUR, ALWAYS), start("2024-05-06 11:00", HOUR, ALWAYS)]
    clock = derive(events, local("2024-05-06 11:30"))
    assert (clock.round, clock.breached_at) == (2, None)
    assert (clock.breaches, clock.due_at) == ((local("2024-05-06 10:00"),), local("2024-05-06 12:00"))


def test_an_event_that_seems_earlier_counts_from_the_one_before() -> None:
    opened = start("2024-05-06 09:00", HOUR, ALWAYS)
    stopped = derive([opened, ClockEvent("stop", local("2024-05-06 08:59"))], local("2024-05-06 12:00"))
    assert (stopped.stopped_at, stopped.used_seconds) == (opened.at, 0)
    with pytest.raises(ValueError, match="begins with a start"):
        derive([ClockEvent("stop", opened.at)], opened.at)


ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
# Around changes of the clocks in these zones, a skipped day in Apia, and a plain week.
BEGINS = ("2024-03-08", "2024-03-29", "2024-04-05", "2024-10-04", "2024-10-25", "2011-12-28", "2024-06-03")
SPAN = 6 * 1440


@dataclass(frozen=True)
class Pair:
    """The same calendar twice."""

    ours: Calendar
    model: ModelCalendar


@st.composite
def intervals(draw: st.DrawFn) -> Intervals:
    edges = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn, begin: datetime) -> Pair:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    if draw(st.integers(0, 5)) == 0:
        return Pair(ALWAYS, ModelCalendar(zone, always=True))
    days = st.integers(-1, 7).map(lambda ahead: (begin + timedelta(days=ahead)).date())
    week = st.tuples(*[intervals()] * 7)
    weeks = [(date(2000, 1, 1), draw(week))]
    if draw(st.booleans()):
        weeks.append((draw(days), draw(week)))
    weeks = [(since, each if any(each) else OFFICE) for since, each in weeks]
    off, worked, closed = (frozenset(draw(st.sets(days, max_size=2))) for _ in range(3))
    opened = draw(st.dictionaries(days, intervals(), max_size=2))
    like = draw(st.integers(0, 6))
    ours = WorkingCalendar(
        zone, tuple(weeks), Holidays(off, worked, frozenset({2024})), closed, opened, shifted_like=like
    )
    return Pair(ours, ModelCalendar(zone, weeks, off, worked, closed, opened, like))


@st.composite
def histories(
    draw: st.DrawFn,
) -> tuple[list[ClockEvent], list[tuple[datetime, str, ModelPolicy | None]], datetime]:
    begin = datetime.fromisoformat(draw(st.sampled_from(BEGINS))).replace(tzinfo=UTC)
    pairs = draw(st.lists(calendars(begin), min_size=1, max_size=2))
    minutes = sorted(draw(st.lists(st.integers(0, SPAN), min_size=2, max_size=9)))
    likely: tuple[EventKind, ...] = ("pause", "resume", "pause", "resume", "policy", "stop", "start")
    kinds = st.sampled_from(likely)
    ours: list[ClockEvent] = []
    model: list[tuple[datetime, str, ModelPolicy | None]] = []
    for place, minute in enumerate(minutes[:-1]):
        kind: EventKind = draw(kinds) if place else "start"
        at = begin + timedelta(minutes=minute)
        if kind in ("start", "policy"):
            pair = draw(st.sampled_from(pairs))
            limit = 2 * draw(st.integers(1, 1500))
            pause = draw(st.none() | st.integers(0, 2000))
            policy = Policy(limit * 60, pair.ours, None if pause is None else pause * 60)
            ours.append(ClockEvent(kind, at, policy))
            model.append((at, kind, ModelPolicy(limit, pair.model, pause)))
        else:
            ours.append(ClockEvent(kind, at))
            model.append((at, kind, None))
    return ours, model, begin + timedelta(minutes=minutes[-1])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_any_history_stands_as_a_walk_minute_by_minute_says(
    history: tuple[list[ClockEvent], list[tuple[datetime, str, ModelPolicy | None]], datetime],
) -> None:
    ours, model, now = history
    expected, found = walk(model, ours[0].at, now), derive(ours, now)
    assert (found.state, found.round) == (expected.state, expected.rounds)
    assert (found.used_seconds, found.paused_seconds) == (expected.used * 60, expected.paused * 60)
    assert (found.breached_at, list(found.breaches)) == (expected.breached_at, expected.breaches)
    half = found.instant_of(50)
    assert (half if half is not None and half <= now else None) == expected.half_at
    if found.due_at is not None and found.due_at > now:
        # Nothing more happens: the walk to the due time breaches exactly there.
        ahead = found.due_at - now
        if ahead < timedelta(days=3) and found.breached_at is None:
            assert walk(model, ours[0].at, found.due_at).breached_at == found.due_at
