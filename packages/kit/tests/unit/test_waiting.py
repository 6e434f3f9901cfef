import asyncio

import pytest

from guanxi_kit.testing import eventually


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


async def test_who_is_waited_for_long_is_asked_seldom() -> None:
    calls: list[int] = []

    def condition() -> bool:
        calls.append(1)
        return False

    with pytest.raises(AssertionError):
        await eventually(condition, timeout=0.3, interval=0.0005)
    assert 5 < len(calls) < 100


async def test_other_errors_pass_at_once() -> None:
    async def condition() -> None:
        raise LookupError("a bug")

    async with asyncio.timeout(1):
        with pytest.raises(LookupError):
            await eventually(condition, timeout=10)
