"""Appends that travel together, each with its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from guanxi_kit.log.gathering import Failures, Gatherer, Submission, total_size
from guanxi_kit.log.port import (
    MAX_RECORD_BYTES,
    LogUnavailable,
    Outgoing,
    RecordTooLarge,
    TopicPartition,
)

LEFT, RIGHT = TopicPartition("t", 0), TopicPartition("t", 1)
RECORD = Outgoing("t", b"k", b"v")


class Writer:
    """Collects what is written; waits for `allowed` and fails what is told."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.allowed = asyncio.Event()
        self.failures: dict[TopicPartition, LogUnavailable] = {}

    async def __call__(self, group: Sequence[Submission]) -> Failures:
        await self.allowed.wait()
        self.groups.append(len(group))
        return self.failures


async def test_callers_during_a_write_travel_together_in_the_next() -> None:
    writer = Writer()
    gatherer = Gatherer(writer)
    first = asyncio.create_task(gatherer.submit({LEFT: [RECORD]}, 2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(gatherer.submit({LEFT: [RECORD]}, 2)) for _ in range(5)]
    await asyncio.sleep(0)
    writer.allowed.set()
    await asyncio.gather(first, *others)
    assert writer.groups == [1, 5]


async def test_only_callers_of_a_failed_partition_fail() -> None:
    writer = Writer()
    writer.allowed.set()
    writer.failures = {LEFT: LogUnavailable("cut")}
    gatherer = Gatherer(writer)
    outcomes = await asyncio.gather(
        gatherer.submit({LEFT: [RECORD], RIGHT: [RECORD]}, 4),
        gatherer.submit({RIGHT: [RECORD]}, 2),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], LogUnavailable)
    assert outcomes[1] is None
    assert writer.groups == [2]


async def test_an_unexpected_fault_is_an_unknown_outcome_for_all() -> None:
    async def write(_: Sequence[Submission]) -> Failures:
        raise OSError("broken")

    gatherer = Gatherer(write)
    with pytest.raises(LogUnavailable, match="broken"):
        await gatherer.submit({LEFT: [RECORD]}, 2)
    with pytest.raises(LogUnavailable, match="broken"):
        await gatherer.submit({LEFT: [RECORD]}, 2)


async def test_a_write_is_bounded_in_bytes() -> None:
    writer = Writer()
    writer.allowed.set()
    gatherer = Gatherer(writer, max_bytes=10)
    await asyncio.gather(*(gatherer.submit({LEFT: [RECORD]}, 4) for _ in range(5)), return_exceptions=True)
    assert writer.groups == [2, 2, 1]


async def test_a_caller_that_gave_up_before_its_write_is_left_out() -> None:
    writer = Writer()
    gatherer = Gatherer(writer)
    first = asyncio.create_task(gatherer.submit({LEFT: [RECORD]}, 2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(gatherer.submit({LEFT: [RECORD]}, 2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    writer.allowed.set()
    await first
    await gatherer.close()
    assert writer.groups == [1]


def test_the_limit_counts_key_value_and_headers() -> None:
    fitting = Outgoing("t", b"k", bytes(MAX_RECORD_BYTES - 4), (("h", b"xx"),))
    assert total_size([fitting]) == MAX_RECORD_BYTES
    with pytest.raises(RecordTooLarge):
        total_size([fitting, Outgoing("t", b"kk", fitting.value, fitting.headers)])
