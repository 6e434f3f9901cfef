import asyncio
from itertools import pairwise
from types import SimpleNamespace

import pytest

from guanxi_kit.testing import ManualClock, eventually, waiting


async def test_it_returns_what_finally_holds() -> None:
    seen = iter([False, False, {"customers": 3}])
    assert await eventually(lambda: next(seen), interval=0.001) == {"customers": 3}


async def test_assertions_are_tried_again_and_may_return_nothing() -> None:
    calls: list[int] = []

    async def condition() -> None:
        calls.append(1)
        assert len(calls) == 3, "not yet"

    await eventually(condition, interval=0.001)
    assert len(calls) == 3


async def test_the_last_failure_is_told_at_the_deadline() -> None:
    def condition() -> None:
        raise AssertionError("2 of 3 arrived")

    with pytest.raises(AssertionError, match=r"within 0\.05 s: 2 of 3 arrived"):
        await eventually(condition, timeout=0.05, interval=0.01)
    with pytest.raises(AssertionError, match="was False"):
        await eventually(lambda: False, timeout=0)


async def test_who_is_waited_for_long_is_asked_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = ManualClock(), list[float]()

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    def condition() -> bool:
        calls.append(clock.monotonic())
        return False

    monkeypatch.setattr(waiting, "time", clock)
    monkeypatch.setattr(waiting, "asyncio", SimpleNamespace(sleep=sleep))
    with pytest.raises(AssertionError):
        await eventually(condition, timeout=10.0, interval=0.02)
    pauses = [after - before for before, after in pairwise(calls)]
    assert pauses[0] == pytest.approx(0.02)
    assert pauses[-1] == pytest.approx(0.2)
    assert 50 < len(calls) < 100


async def test_other_errors_pass_at_once() -> None:
    async def condition() -> None:
        raise LookupError("a bug")

    async with asyncio.timeout(5):
        with pytest.raises(LookupError):
            await eventually(condition, timeout=10)
