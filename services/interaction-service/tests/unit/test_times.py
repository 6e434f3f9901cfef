"""Clock skew and time texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_service.domain.refusal import Refused
from interaction_service.domain.times import MAX_AHEAD, occurred_at, read_time

RECEIVED = datetime(2026, 5, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T08:30:00.123Z", datetime(2026, 5, 1, 8, 30, 0, 123_000, tzinfo=UTC)),
        ("2026-05-01T16:30:00+08:00", datetime(2026, 5, 1, 8, 30, tzinfo=UTC)),
        ("2026-05-01T08:30:00", datetime(2026, 5, 1, 8, 30, tzinfo=UTC)),
        ("2026-05-01 08:30:00.5", datetime(2026, 5, 1, 8, 30, 0, 500_000, tzinfo=UTC)),
        ("1997-01-01", datetime(1997, 1, 1, tzinfo=UTC)),
    ],
)
def test_reads_iso_8601(text: str, expected: datetime) -> None:
    assert read_time(text, "timestamp") == expected
    assert read_time(text, "timestamp").tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "now", "1700000000", "2026-13-01", "0001-01-01T00:00:00+10:00", "2026-05-01T08:30:00.123Zulu"],
)
def test_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read_time(text, "sentAt")
    assert refused.value.field == "sentAt"


@given(
    st.timedeltas(timedelta(days=-4000), timedelta(days=4000)),
    st.timedeltas(timedelta(0), timedelta(days=9000)),
)
def test_the_error_of_the_senders_clock_cancels_out(error: timedelta, age: timedelta) -> None:
    happened = RECEIVED - age
    found = occurred_at(received_at=RECEIVED, original=happened + error, sent_at=RECEIVED + error)
    assert found == happened


def test_what_is_missing() -> None:
    earlier = RECEIVED - MINUTE
    assert occurred_at(received_at=RECEIVED, original=None, sent_at=earlier) == RECEIVED
    assert occurred_at(received_at=RECEIVED, original=earlier, sent_at=None) == earlier
    assert (
        occurred_at(received_at=RECEIVED, original=earlier, sent_at=RECEIVED + MINUTE, historical=True)
        == earlier
    )


@pytest.mark.parametrize(
    ("original", "sent_at"),
    [
        (RECEIVED + MAX_AHEAD + MINUTE, None),
        (datetime(1969, 12, 31, tzinfo=UTC), None),
        (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
        (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_refuses_times_that_no_view_could_place(original: datetime, sent_at: datetime | None) -> None:
    with pytest.raises(Refused):
        occurred_at(received_at=RECEIVED, original=original, sent_at=sent_at)


def test_a_day_ahead_is_still_accepted() -> None:
    ahead = RECEIVED + MAX_AHEAD
    assert occurred_at(received_at=RECEIVED, original=ahead, sent_at=None) == ahead
