"""How members of a group behave on every engine of the event log. Each engine's test module inherits these tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.integration.log.harness import Workbench, numbered

from guanxi_kit.log.port import LogError, LogUnavailable, Producer, TopicPartition
from guanxi_kit.testing.waiting import eventually


class GroupBehaviour:
    """Members that share partitions."""

    async def test_a_single_member_reads_everything_in_order(self, bench: Workbench) -> None:
        topic = await bench.topic()
        producer = await bench.producer()
        await producer.append(numbered(topic, 1000))
        member = await bench.member("g-" + topic, topic)
        async with member.polling():
            await eventually(lambda: len(member.records) == 1000)
        assert sorted(int(record.value) for record in member.records) == list(range(1000))
        for partition in range(4):
            offsets = [record.offset for record in member.records if record.partition == partition]
            assert offsets == list(range(len(offsets)))

    async def test_a_poll_returns_no_more_than_asked(self, bench: Workbench) -> None:
        topic = await bench.topic()
        await (await bench.producer()).append(numbered(topic, 300))
        member = await bench.member("g-" + topic, topic)
        async with asyncio.timeout(30):
            while len(member.records) < 300:
                before = len(member.records)
                await member.step(max_records=7)
                assert len(member.records) - before <= 7

    async def test_it_starts_at_the_positions_it_is_given(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=2)
        await (await bench.producer()).append(numbered(topic, 100))
        ends = {n: len(records) for n, records in (await bench.read_all(topic, expected=100)).items()}
        positions = {TopicPartition(topic, 0): ends[0] - 2}
        member = await bench.member("g-" + topic, topic, positions=positions)
        async with member.polling():
            await eventually(lambda: len(member.records) == ends[1] + 2)
        assert [r.offset for r in member.records if r.partition == 0] == [ends[0] - 2, ends[0] - 1]

    async def test_seek_reads_again(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=1)
        await (await bench.producer()).append(numbered(topic, 50))
        member = await bench.member("g-" + topic, topic)
        async with asyncio.timeout(30):
            while len(member.records) < 50:
                await member.step()
            member.consumer.seek(TopicPartition(topic, 0), 47)
            member.records.clear()
            while len(member.records) < 3:
                await member.step()
        assert [record.offset for record in member.records] == [47, 48, 49]

    async def test_members_share_and_hand_over(self, bench: Workbench) -> None:
        topic = await bench.topic()
        group = "g-" + topic
        positions: dict[TopicPartition, int] = {}
        producer = await bench.producer()
        first = await bench.member(group, topic, positions=positions)
        async with first.polling():
            await eventually(lambda: len(first.consumer.assignment()) == 4)
            await producer.append(numbered(topic, 200))
            second = await bench.member(group, topic, positions=positions)
            async with second.polling():
                await eventually(
                    lambda: [len(m.consumer.assignment()) for m in (first, second)] == [2, 2], timeout=40
                )
                assert not first.consumer.assignment() & second.consumer.assignment()
                assert set(first.revoked) >= second.consumer.assignment()
                await producer.append(numbered(topic, 200, 200))
                await eventually(lambda: len(first.records) + len(second.records) >= 400)
        await first.consumer.stop()
        async with second.polling():
            await eventually(lambda: len(second.consumer.assignment()) == 4, timeout=40)
            await producer.append(numbered(topic, 100, 400))
            await eventually(lambda: len(first.records) + len(second.records) >= 500)
        values = [int(record.value) for record in first.records + second.records]
        assert sorted(values) == list(range(500))

    async def test_groups_do_not_disturb_each_other(self, bench: Workbench) -> None:
        topic = await bench.topic()
        await (await bench.producer()).append(numbered(topic, 100))
        one = await bench.member("one-" + topic, topic)
        two = await bench.member("two-" + topic, topic)
        async with one.polling(), two.polling():
            await eventually(lambda: len(one.records) == len(two.records) == 100)

    async def test_stop_revokes_and_the_log_id_stays(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=2)
        group = "g-" + topic
        member = await bench.member(group, topic)
        async with member.polling():
            await eventually(lambda: len(member.consumer.assignment()) == 2)
            log_id = await member.consumer.log_id()
            where = TopicPartition(topic, 0)
            await member.consumer.commit({where: 0})
            assert await member.consumer.end_offsets([where]) == {where: 0}
            assert await member.consumer.begin_offsets([where]) == {where: 0}
        await member.consumer.stop()
        assert sorted(member.revoked) == sorted(member.assigned)
        assert log_id
        again = await bench.member(group, topic)
        assert await again.consumer.log_id() == log_id

    async def test_an_unknown_topic_is_refused(self, bench: Workbench) -> None:
        with pytest.raises(LogError):
            await bench.member("g", "test.nowhere")


class TakeoverBehaviour:
    """Members that die without a word."""

    async def test_the_partitions_of_a_killed_member_are_taken_over(self, bench: Workbench) -> None:
        topic = await bench.topic()
        group = "g-" + topic
        producer = await bench.producer()
        await producer.append(numbered(topic, 40))
        async with bench.engine.doomed_member(group, topic) as doomed:
            assert sorted(await doomed.records(40)) == list(range(40))
            heir = await bench.member(group, topic)
            await doomed.die()
        async with heir.polling():
            await eventually(lambda: len(heir.consumer.assignment()) == 4, timeout=60)
            await producer.append(numbered(topic, 40, 40))
            await eventually(lambda: len(heir.records) >= 80)
        assert sorted(int(record.value) for record in heir.records) == list(range(80))


class FailureBehaviour:
    """A connection that is cut again and again. `bench` reaches the log through it, `cut` cuts it."""

    async def test_readers_see_repeats_but_never_a_gap(
        self, bench: Workbench, cut: Callable[[], None]
    ) -> None:
        topic = await bench.topic(partitions=3)
        producer = await bench.producer()
        progress = _Progress()
        async with asyncio.TaskGroup() as group:
            group.create_task(_append_stubbornly(producer, topic, calls=60, progress=progress))
            for number in range(12):
                # Wherever the next call is by then: before, in the middle of or behind its commit.
                await progress.beyond(4 * number)
                await asyncio.sleep(0.004 * number)
                cut()
        found: dict[int, list[int]] = {}
        member = await bench.member("g-" + topic, topic)
        async with member.polling():
            await eventually(
                lambda: len({int(record.value) for record in member.records}) == 60 * 50, timeout=60
            )
        for record in member.records:
            found.setdefault(record.partition, []).append(int(record.value))
        for numbers in found.values():
            firsts = list(dict.fromkeys(numbers))
            assert firsts == sorted(firsts)

    async def test_a_member_goes_on_after_a_cut(self, bench: Workbench, cut: Callable[[], None]) -> None:
        topic = await bench.topic(partitions=2)
        producer = await bench.producer()
        member = await bench.member("g-" + topic, topic)
        async with member.polling():
            await producer.append(numbered(topic, 50))
            await eventually(lambda: len(member.records) >= 50)
            cut()
            await _append_stubbornly(producer, topic, calls=1, progress=_Progress())
            await eventually(lambda: len(member.records) >= 100)
        assert {int(record.value) for record in member.records} == set(range(50))


class _Progress:
    """How many calls were confirmed."""

    def __init__(self) -> None:
        self.calls = 0
        self._changed = asyncio.Event()

    def step(self) -> None:
        self.calls += 1
        self._changed.set()

    async def beyond(self, calls: int) -> None:
        while self.calls <= calls:
            self._changed.clear()
            await self._changed.wait()


async def _append_stubbornly(producer: Producer, topic: str, calls: int, progress: _Progress) -> None:
    """Append calls of 50 numbered records one after another, each repeated until it is confirmed."""
    for call in range(calls):
        while True:
            try:
                await producer.append(numbered(topic, 50, first=50 * call))
            except LogUnavailable:
                await asyncio.sleep(0)
                continue
            break
        progress.step()
