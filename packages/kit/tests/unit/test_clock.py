from datetime import UTC, datetime, timedelta, timezone

import pytest

from guanxi_kit.clock import Clock, ManualClock, SystemClock


def test_the_system_clock_is_aware_and_utc() -> None:
    clock: Clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


def test_a_manual_clock_moves_both_times_only_when_told() -> None:
    clock = ManualClock(datetime(2024, 5, 1, 16, tzinfo=timezone(timedelta(hours=8))))
    assert clock.now() == datetime(2024, 5, 1, 8, tzinfo=UTC) == clock.now()
    assert clock.now().tzinfo is UTC
    clock.advance(1.5)
    assert clock.advance(timedelta(days=1)) == datetime(2024, 5, 2, 8, 0, 1, 500_000, tzinfo=UTC)
    assert clock.monotonic() == 86_401.5


def test_a_manual_clock_refuses_naive_starts_and_steps_back() -> None:
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2024, 5, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="back"):
        ManualClock().advance(-1)
