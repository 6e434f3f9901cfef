"""Appends to Kafka: own batches per partition, each confirmed by all replicas before the next is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)

from guanxi_kit.log.gathering import Failures, Gatherer, Submission, total_size
from guanxi_kit.log.partitioner import partition_of
from guanxi_kit.log.port import LogError, LogUnavailable, Outgoing, RecordTooLarge, TopicPartition

_BATCH_BYTES = 1_000_000
_REQUEST_BYTES = 1_048_576
_APPEND_SECONDS = 30.0


class KafkaProducer:
    """Producer of the Kafka engine; see the port for what it promises.

    aiokafka pipelines and retries behind the caller's back, so a batch could overtake a failed one. Here at most one
    batch of a partition is under way, and after a failure the connection is given up with all that it still holds.
    """

    def __init__(self, bootstrap: str, *, idempotence: bool = True, seconds: float = _APPEND_SECONDS) -> None:
        self._bootstrap = bootstrap
        self._idempotence = idempotence
        self._seconds = seconds
        self._client: Any = None
        self._opening = asyncio.Lock()
        self._gatherer = Gatherer(self._write)
        self._stopped = False

    async def start(self) -> None:
        """Connect. Raises LogUnavailable."""
        await self._opened()

    async def stop(self) -> None:
        """Finish what is under way and disconnect."""
        self._stopped = True
        await self._gatherer.close()
        await self._give_up()

    async def append(self, records: Sequence[Outgoing]) -> None:
        """Append all records; see the port for what a failure leaves."""
        if self._stopped:
            raise LogUnavailable("this producer is stopped")
        if not records:
            return
        size = total_size(records)
        counts = {name: await self._partitions(name) for name in {record.topic for record in records}}
        by_partition: dict[TopicPartition, list[Outgoing]] = {}
        for record in records:
            position = TopicPartition(record.topic, partition_of(record.key, counts[record.topic]))
            by_partition.setdefault(position, []).append(record)
        await self._gatherer.submit(by_partition, size)

    async def _partitions(self, topic: str) -> int:
        client = await self._opened()
        known = client.client.cluster.partitions_for_topic(topic)
        if known is None:
            try:
                known = await client.partitions_for(topic)
            except UnknownTopicOrPartitionError as error:
                raise LogError(f"there is no topic {topic} in the log") from error
            except (KafkaError, OSError) as error:
                raise LogUnavailable(f"Kafka at {self._bootstrap}: {error!r}") from error
        return len(known)

    async def _write(self, group: Sequence[Submission]) -> Failures:
        merged: dict[TopicPartition, list[Outgoing]] = {}
        for submission in group:
            for position, records in submission.records.items():
                merged.setdefault(position, []).extend(records)
        client = await self._opened()
        outcomes = await asyncio.gather(*(self._send(client, *item) for item in merged.items()))
        failures = {
            position: outcome
            for position, outcome in zip(merged, outcomes, strict=True)
            if outcome is not None
        }
        if any(isinstance(failure, LogUnavailable) for failure in failures.values()):
            await self._give_up()
        return failures

    async def _send(
        self, client: Any, position: TopicPartition, records: Sequence[Outgoing]
    ) -> LogError | None:
        try:
            async with asyncio.timeout(self._seconds):
                for batch in _batches(client, records):
                    confirmed = await client.send_batch(batch, position.topic, partition=position.partition)
                    await confirmed
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            return RecordTooLarge(f"{position.topic}: the broker refuses a record of this size: {error!r}")
        except (KafkaError, OSError, TimeoutError) as error:
            return LogUnavailable(f"{position.topic}/{position.partition} was not confirmed: {error!r}")
        return None

    async def _opened(self) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await self._open()
            return self._client

    async def _open(self) -> Any:
        client = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id="guanxi",
            acks="all",
            enable_idempotence=self._idempotence,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
            request_timeout_ms=int(self._seconds * 1000),
        )
        try:
            async with asyncio.timeout(self._seconds):
                await client.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await client.stop()
            raise LogUnavailable(f"Kafka at {self._bootstrap}: {error!r}") from error
        return client

    async def _give_up(self) -> None:
        async with self._opening:
            client, self._client = self._client, None
        if client is None:
            return
        # The public stop() first flushes, that is it would send what was reported as failed.
        sender = client._sender.sender_task
        if sender is not None:
            sender.cancel()
            await asyncio.wait({sender})
        with suppress(KafkaError, OSError):
            await client.stop()


def _batches(client: Any, records: Sequence[Outgoing]) -> Iterator[Any]:
    batch = client.create_batch()
    for record in records:
        headers = list(record.headers)
        if batch.append(key=record.key, value=record.value, timestamp=None, headers=headers) is None:
            yield batch
            batch = client.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=None, headers=headers)
    batch.close()
    yield batch
