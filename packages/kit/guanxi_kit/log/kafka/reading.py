"""What Kafka consumers and readers share: records, offsets and refused positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from guanxi_kit.log.port import LogError, LogRecreated, LogUnavailable, Positions, Record, TopicPartition


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
    """The offset that the next record of each partition will get."""
    found: Mapping[Any, int] = await client.end_offsets([native(position) for position in positions])
    return {TopicPartition(*position): offset for position, offset in found.items()}


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
