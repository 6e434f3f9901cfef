"""What Kafka consumers and readers share: records, offsets and refused positions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, LeaderNotAvailableError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest

from guanxi_kit.log.port import LogError, LogRecreated, LogUnavailable, Positions, Record, TopicPartition

_READ_COMMITTED = 1
_ANSWER_MS = 100


@contextmanager
def broker_errors(bootstrap: str) -> Iterator[None]:
    """Raise LogUnavailable for whatever Kafka reports."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"Kafka at {bootstrap}: {error!r}") from error


def native(position: TopicPartition) -> Any:
    """aiokafka's own name of a partition."""
    return aiokafka.TopicPartition(*position)


def to_records(messages: Iterable[Any]) -> list[Record]:
    """Records of aiokafka messages."""
    return [
        Record(
            message.topic,
            message.partition,
            message.offset,
            message.key or b"",
            message.value or b"",
            tuple(message.headers),
            message.timestamp,
        )
        for message in messages
    ]


async def begin_offsets(client: Any, positions: Sequence[TopicPartition]) -> Positions:
    """The earliest offset kept in each partition."""
    found: Mapping[Any, int] = await client.beginning_offsets([native(position) for position in positions])
    return {TopicPartition(*position): offset for position, offset in found.items()}


async def end_offsets(client: Any, positions: Sequence[TopicPartition]) -> Positions:
    """The offset that the next record of each partition will get.

    A stored position behind it means that the log is not the one it belongs to, so it may not be lower than what the
    broker serves. Some brokers list the second offset of the last batch as the end, but all say it right beside the
    records of a fetch, because readers could not go on otherwise. So the listed end is checked by a fetch from there
    on. Apache Kafka confirms what it listed, and a log that is really shorter stays shorter.
    """
    found: Mapping[Any, int] = await client.end_offsets([native(position) for position in positions])
    listed = {TopicPartition(*position): offset for position, offset in found.items()}
    served = await _served_ends(client._client, listed)
    return {position: max(offset, served[position]) for position, offset in listed.items()}


async def _served_ends(network: Any, starts: Positions) -> Positions:
    """Up to where the leaders serve committed records, asked by a fetch of next to nothing. Raises KafkaError."""
    wanted: dict[int, dict[str, list[tuple[int, int, int]]]] = {}
    for position, offset in starts.items():
        leader = network.cluster.leader_for_partition(native(position))
        if leader is None or leader < 0:
            raise LeaderNotAvailableError(f"{position.topic}/{position.partition}")
        by_topic = wanted.setdefault(leader, {})
        by_topic.setdefault(position.topic, []).append((position.partition, offset, 1))
    # Kafka answers at once when no bytes are the least to wait for; other brokers answer nothing when given no time.
    answers = await asyncio.gather(
        *(
            network.send(leader, FetchRequest(_ANSWER_MS, 0, 1, _READ_COMMITTED, list(by_topic.items())))
            for leader, by_topic in wanted.items()
        )
    )
    ends: dict[TopicPartition, int] = {}
    for topic, partitions in chain.from_iterable(answer.topics for answer in answers):
        for partition, error, _high_watermark, last_stable_offset, *_ in partitions:
            if error:
                raise for_code(error)(f"{topic}/{partition}")
            ends[TopicPartition(topic, partition)] = last_stable_offset
    if ends.keys() != starts.keys():
        raise KafkaError(f"no answer for {sorted(starts.keys() - ends.keys())}")
    return ends


async def explain_out_of_range(client: Any, error: OffsetOutOfRangeError) -> LogError:
    """What it means that the broker does not have an offset: LogRecreated, or records dropped unread."""
    wanted = {TopicPartition(*position): offset for position, offset in error.args[0].items()}
    begins = await begin_offsets(client, list(wanted))
    for position, offset in wanted.items():
        where = f"{position.topic}/{position.partition}"
        if offset < begins[position]:
            return LogError(
                f"{where} begins at {begins[position]}, after the stored position {offset}:"
                f" retention dropped {begins[position] - offset} records before they were read"
            )
    return LogRecreated(f"the log ends before the stored positions {wanted}: it was recreated")


async def cluster_id(bootstrap: str) -> str:
    """The id that the cluster got when its storage was formatted."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="guanxi")
    with broker_errors(bootstrap):
        try:
            await admin.start()
            cluster = await admin.describe_cluster()
        finally:
            await admin.close()
    return str(cluster["cluster_id"])
