"""How every engine of the event log behaves. Each engine's test module inherits these tests."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.partitioner import DefaultPartitioner
from tests.integration.log.harness import Workbench, numbered

from guanxi_kit.log.port import (
    MAX_RECORD_BYTES,
    Consumer,
    LogError,
    LogRecreated,
    Outgoing,
    Reader,
    RecordTooLarge,
    TopicPartition,
    TopicSpec,
)


class AppendBehaviour:
    """Producers, readers and the admin."""

    async def test_records_come_back_as_they_were_appended(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=1)
        producer = await bench.producer()
        await producer.append(
            [Outgoing(topic, b"k", b"v", (("trace", b"\x00\xff"),)), Outgoing(topic, b"", b"")]
        )
        first, second = (await bench.read_all(topic))[0]
        assert (first.offset, first.key, first.value, first.headers) == (
            0,
            b"k",
            b"v",
            (("trace", b"\x00\xff"),),
        )
        assert (second.offset, second.key, second.value, second.headers) == (1, b"", b"", ())
        assert 0 <= second.timestamp_ms - first.timestamp_ms < 10_000

    async def test_each_partition_keeps_the_order(self, bench: Workbench) -> None:
        topic = await bench.topic()
        producer = await bench.producer()
        for first in range(0, 300, 100):
            await producer.append(numbered(topic, 100, first))
        for records in (await bench.read_all(topic)).values():
            numbers = [int(record.value) for record in records]
            assert numbers == sorted(numbers)
            assert [record.offset for record in records] == list(range(len(records)))

    async def test_callers_at_the_same_time_lose_and_mix_nothing(self, bench: Workbench) -> None:
        topic = await bench.topic()
        producer = await bench.producer()

        async def caller(name: int) -> None:
            for number in range(20):
                await producer.append([Outgoing(topic, str(name).encode(), str(number).encode())])

        await asyncio.gather(*map(caller, range(30)))
        by_caller: dict[bytes, list[int]] = {}
        for records in (await bench.read_all(topic)).values():
            for record in records:
                by_caller.setdefault(record.key, []).append(int(record.value))
        assert by_caller == {str(name).encode(): list(range(20)) for name in range(30)}

    async def test_a_key_goes_where_every_kafka_client_sends_it(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=7)
        producer = await bench.producer()
        await producer.append([Outgoing(topic, bytes([n]) * (n % 33), b"x") for n in range(200)])
        elsewhere = DefaultPartitioner()
        for partition, records in (await bench.read_all(topic)).items():
            for record in records:
                assert elsewhere(record.key, list(range(7)), list(range(7))) == partition

    async def test_a_record_over_the_limit_is_refused_and_nothing_of_its_call_written(
        self, bench: Workbench
    ) -> None:
        topic = await bench.topic(partitions=1)
        producer = await bench.producer()
        too_large = Outgoing(topic, b"k", bytes(MAX_RECORD_BYTES))
        with pytest.raises(RecordTooLarge):
            await producer.append([Outgoing(topic, b"k", b"small"), too_large])
        assert await bench.read_all(topic) == {0: []}

    async def test_records_at_the_limit_pass(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=1)
        producer = await bench.producer()
        largest = Outgoing(topic, b"k", b"\xa5" * (MAX_RECORD_BYTES - 1))
        await producer.append([largest, largest, Outgoing(topic, b"k", b"small")])
        records = (await bench.read_all(topic))[0]
        assert [record.value for record in records] == [largest.value, largest.value, b"small"]

    async def test_a_stopped_producer_refuses(self, bench: Workbench) -> None:
        topic = await bench.topic()
        producer = await bench.producer()
        await producer.stop()
        with pytest.raises(LogError):
            await producer.append(numbered(topic, 1))

    async def test_a_reader_reads_on_from_where_it_is_sent(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=2)
        producer = await bench.producer()
        await producer.append(numbered(topic, 200))
        reader = await bench.reader()
        first, second = await reader.partitions(topic)
        ends = await reader.end_offsets([first, second])
        assert ends[first] + ends[second] == 200
        await reader.assign({first: ends[first] - 3})
        found = await reader.poll(max_records=2, timeout=60)
        assert [record.offset for record in found[first]] == [ends[first] - 3, ends[first] - 2]
        assert [r.offset for r in (await reader.poll(max_records=9, timeout=60))[first]] == [ends[first] - 1]
        await reader.assign({second: 0})
        assert (await reader.poll(max_records=1, timeout=60))[second][0].offset == 0

    async def test_a_reader_is_woken_by_an_append(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=1)
        producer = await bench.producer()
        reader = await bench.reader()
        await reader.assign(await reader.end_offsets(await reader.partitions(topic)))
        poll = asyncio.create_task(reader.poll(max_records=10, timeout=600))
        await producer.append(numbered(topic, 1))
        async with asyncio.timeout(30):
            assert len((await poll)[TopicPartition(topic, 0)]) == 1

    async def test_creating_a_topic_again_changes_nothing(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=3)
        producer = await bench.producer()
        await producer.append(numbered(topic, 10))
        admin = await bench.admin()
        await admin.create_topics([TopicSpec(topic, 3, 7)])
        await admin.apply_retention()
        assert sum(map(len, (await bench.read_all(topic)).values())) == 10

    async def test_another_number_of_partitions_is_refused(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=3)
        with pytest.raises(LogError, match="3 partitions"):
            await (await bench.admin()).create_topics([TopicSpec(topic, 4, 7)])


class PositionBehaviour:
    """Positions that the log does not have."""

    async def test_a_position_beyond_the_end_says_that_the_log_was_recreated(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=1)
        await (await bench.producer()).append(numbered(topic, 5))
        member = await bench.member("g-" + topic, topic, positions={TopicPartition(topic, 0): 6})
        with pytest.raises(LogRecreated):
            await _poll_until_refused(member.consumer)

    async def test_a_reader_beyond_the_end_is_refused(self, bench: Workbench) -> None:
        topic = await bench.topic(partitions=1)
        await (await bench.producer()).append(numbered(topic, 5))
        reader = await bench.reader()
        await reader.assign({TopicPartition(topic, 0): 6})
        with pytest.raises(LogRecreated):
            await _poll_until_refused(reader)


async def _poll_until_refused(source: Consumer | Reader) -> None:
    async with asyncio.timeout(30):
        while True:
            assert not await source.poll(max_records=10, timeout=0.5)
