import pytest

from guanxi_gateway.application.rate_limits import Rate, RateLimiter


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_burst_passes_and_the_next_request_waits_exactly_its_turn(time: Time) -> None:
    limiter = RateLimiter(Rate(per_second=10, burst=5), time)
    assert [limiter.take("a") for _ in range(5)] == [0.0] * 5
    assert limiter.take("a") == pytest.approx(0.1)
    time.now += 0.05
    assert limiter.take("a") == pytest.approx(0.05)
    time.now += 0.05
    assert limiter.take("a") == 0.0
    assert limiter.take("a") > 0


def test_a_refused_request_does_not_count(time: Time) -> None:
    limiter = RateLimiter(Rate(per_second=10, burst=1), time)
    assert limiter.take("a") == 0.0
    for _ in range(100):
        assert limiter.take("a") == pytest.approx(0.1)
    time.now += 0.1
    assert limiter.take("a") == 0.0


def test_callers_do_not_share(time: Time) -> None:
    limiter = RateLimiter(Rate(per_second=1, burst=1), time)
    assert limiter.take("a") == 0.0
    assert limiter.take("a") > 0
    assert limiter.take("b") == 0.0


def test_the_average_holds_over_a_long_time(time: Time) -> None:
    limiter = RateLimiter(Rate(per_second=50, burst=10), time)
    passed = 0
    for _ in range(10_000):
        passed += limiter.take("a") == 0.0
        time.now += 0.001
    assert passed == pytest.approx(50 * 10 + 10, abs=1)


def test_memory_is_bounded_and_the_longest_idle_is_forgotten(time: Time) -> None:
    limiter = RateLimiter(Rate(per_second=1, burst=1), time, max_keys=100)
    for caller in range(500):
        limiter.take(caller)
    assert len(limiter) == 100
    assert limiter.take(499) > 0
    assert limiter.take(0) == 0.0


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_rate_that_lets_nothing_through_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="a rate needs"):
        Rate(per_second, burst)
