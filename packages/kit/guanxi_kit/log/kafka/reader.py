"""Reads chosen partitions of Kafka, outside any group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import OffsetOutOfRangeError

from guanxi_kit.log.kafka.reading import (
    begin_offsets,
    broker_errors,
    cluster_id,
    end_offsets,
    explain_out_of_range,
    native,
    to_records,
)
from guanxi_kit.log.port import LogError, Positions, Record, TopicPartition


class KafkaReader:
    """Reader of the Kafka engine; see the port for what it promises."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client: Any = None

    async def start(self) -> None:
        """Connect. Raises LogUnavailable."""
        client = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="guanxi",
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
        )
        with broker_errors(self._bootstrap):
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
        self._client = client

    async def stop(self) -> None:
        """Disconnect."""
        if self._client is not None:
            with broker_errors(self._bootstrap):
                await self._client.stop()

    async def log_id(self) -> str:
        """The cluster's id."""
        return await cluster_id(self._bootstrap)

    async def partitions(self, topic: str) -> Sequence[TopicPartition]:
        """All partitions of a topic."""
        with broker_errors(self._bootstrap):
            await self._client.topics()
        numbers = self._client.partitions_for_topic(topic)
        if not numbers:
            raise LogError(f"there is no topic {topic} in the log")
        return [TopicPartition(topic, number) for number in sorted(numbers)]

    async def assign(self, positions: Positions) -> None:
        """Read exactly these partitions from these offsets on; `poll` refuses offsets the log does not have."""
        self._client.assign([native(position) for position in positions])
        for position, offset in positions.items():
            self._client.seek(native(position), offset)

    async def poll(self, *, max_records: int, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records in offset order per partition; see the port."""
        with broker_errors(self._bootstrap):
            try:
                found = await self._client.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
            except OffsetOutOfRangeError as error:
                raise await explain_out_of_range(self._client, error) from error
        return {TopicPartition(*position): to_records(messages) for position, messages in found.items()}

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The offset that the next record of each partition will get."""
        with broker_errors(self._bootstrap):
            return await end_offsets(self._client, partitions)

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The earliest offset kept in each partition."""
        with broker_errors(self._bootstrap):
            return await begin_offsets(self._client, partitions)
