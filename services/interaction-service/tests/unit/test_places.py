"""Cursors, months and the identity of touchpoints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_service.domain.months import month_of, start_of, windows
from interaction_service.domain.page import BadCursor, Place
from interaction_service.domain.timeline_filter import TimelineFilter
from interaction_service.domain.touchpoint import touchpoint_id

TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


BINDING = b"list"


@given(TIMES, st.uuids())
def test_a_cursor_leads_back_to_its_place_in_its_list(time: datetime, identity: UUID) -> None:
    place = Place(time, identity)
    cursor = place.to_cursor(BINDING)
    assert len(cursor) == 38
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert Place.from_cursor(cursor, BINDING) == place
    with pytest.raises(BadCursor, match="another filter"):
        Place.from_cursor(cursor, b"else")


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_cursors(text: str) -> None:
    try:
        place = Place.from_cursor(text, BINDING)
    except BadCursor:
        return
    assert place.to_cursor(BINDING) == text


@given(TIMES)
def test_a_time_lies_in_its_month(time: datetime) -> None:
    month = month_of(time)
    assert start_of(month) <= time < start_of(month + 1)


def test_months_are_those_of_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert month_of(datetime(2026, 5, 1, 7, tzinfo=shanghai)) == month_of(datetime(2026, 4, 30, tzinfo=UTC))
    assert start_of(month_of(datetime.max.replace(tzinfo=UTC)) + 1) == datetime.max.replace(tzinfo=UTC)


@given(st.sets(st.integers(0, 5000)), st.one_of(st.none(), st.integers(0, 5000)))
def test_windows_cover_each_month_once_newest_first(months: set[int], newest: int | None) -> None:
    found = list(windows(months, newest))
    covered = [
        month for first, behind in found for month in sorted(months, reverse=True) if first <= month < behind
    ]
    assert covered == sorted((m for m in months if newest is None or m <= newest), reverse=True)
    assert len(found) <= 12


def test_thirty_years_need_few_windows() -> None:
    assert len(list(windows(range(360)))) == 5


def test_the_identity_of_a_touchpoint_never_changes() -> None:
    expected = UUID(bytes=sha256(b"channel\0message").digest()[:16])
    assert touchpoint_id("channel", "message") == expected
    assert touchpoint_id("channel", "other") != expected
    assert touchpoint_id("other", "message") != expected


@pytest.mark.parametrize("cursor", ["", "AAAA", "A" * 32, "*" * 38, "A" * 37 + "="])
def test_cursors_of_others(cursor: str) -> None:
    with pytest.raises(BadCursor):
        Place.from_cursor(cursor, BINDING)


def test_a_filter_walks_only_the_months_of_its_period() -> None:
    begin, end = datetime(2024, 2, 10, tzinfo=UTC), datetime(2025, 3, 5, tzinfo=UTC)
    only = TimelineFilter(begin=begin, end=end)
    months = range(month_of(begin) - 30, month_of(end) + 30)
    found = list(only.windows(months, None))
    assert (found[-1][0], found[0][1]) == (month_of(begin), month_of(end) + 1)
    assert (found[-1][2][0], found[0][2][1]) == (begin, end)
    older = list(only.windows(months, month_of(datetime(2024, 6, 1, tzinfo=UTC))))
    assert older[0][2][1] == datetime(2024, 7, 1, tzinfo=UTC)
    assert list(only.windows([month_of(end) + 1], None)) == []


def test_the_binding_of_a_filter_does_not_follow_the_order_of_its_channels() -> None:
    bindings = {
        TimelineFilter(channels=("web", "pos")).binding,
        TimelineFilter(channels=("pos", "web")).binding,
    }
    assert len(bindings) == 1
    assert bindings.isdisjoint({TimelineFilter().binding, TimelineFilter(kinds=("web", "pos")).binding})
