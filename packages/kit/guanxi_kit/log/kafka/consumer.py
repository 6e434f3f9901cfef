"""A member of a consumer group on Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from guanxi_kit.log.kafka.reading import (
    begin_offsets,
    broker_errors,
    cluster_id,
    end_offsets,
    explain_out_of_range,
    native,
    to_records,
)
from guanxi_kit.log.port import LogError, OnAssigned, OnRevoked, Positions, Record, TopicPartition
from guanxi_kit.log.sharing import Timing

_REBALANCE_SECONDS = 60
_GRACE_SECONDS = 0.05


class KafkaConsumer:
    """Consumer of the Kafka engine; see the port for what it promises.

    aiokafka rebalances in a task of its own. It is held up here until the caller is inside `poll`, so that a
    partition is never given away in the middle of a batch; a caller that takes more than a minute for one loses it.
    """

    def __init__(
        self, bootstrap: str, group: str, topics: Sequence[str], timing: Timing | None = None
    ) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._topics = tuple(topics)
        self._timing = timing or Timing(heartbeat=3.0, member_timeout=10.0)
        self._client: Any = None
        self._log_id: str | None = None
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._reading: set[TopicPartition] = set()
        self._pending: set[TopicPartition] = set()
        self._rebalances = 0
        self._failure: Exception | None = None
        self._on_assigned: OnAssigned
        self._on_revoked: OnRevoked

    async def start(self, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        """Connect and begin to join the group. Raises LogUnavailable, LogError for a topic that does not exist."""
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._log_id = await cluster_id(self._bootstrap)
        client = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="guanxi",
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=int(self._timing.member_timeout * 1000),
            heartbeat_interval_ms=int(self._timing.heartbeat * 1000),
            rebalance_timeout_ms=_REBALANCE_SECONDS * 1000,
        )
        with broker_errors(self._bootstrap):
            try:
                await client.start()
                missing = set(self._topics) - await client.topics()
            except BaseException:
                await client.stop()
                raise
        if missing:
            await client.stop()
            raise LogError(f"there is no topic {', '.join(sorted(missing))} in the log")
        await self._turn.acquire()
        self._client = client
        client.subscribe(self._topics, listener=_Listener(self))

    async def stop(self) -> None:
        """Revoke everything, leave the group at once, disconnect."""
        if self._client is None:
            return
        client, self._client = self._client, None
        try:
            await self._lose(self._reading)
        finally:
            self._turn.release()
            with broker_errors(self._bootstrap):
                await client.stop()

    async def poll(self, *, max_records: int, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records of assigned partitions; rebalances happen in here. See the port."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        while True:
            await self._begin()
            records = await self._wait(max_records, deadline)
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if records or (clock() >= deadline and not self._pending):
                return records

    def seek(self, position: TopicPartition, offset: int) -> None:
        """Read on from another offset. Raises LogError when the partition is not assigned."""
        if position not in self._reading:
            raise LogError(f"{position.topic}/{position.partition} is not assigned to this consumer")
        self._client.seek(native(position), offset)

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this member reads now."""
        return frozenset(self._reading)

    async def commit(self, positions: Positions) -> None:
        """Note how far the group has read, for lag tools; forgotten when the partitions have moved meanwhile."""
        with broker_errors(self._bootstrap), suppress(CommitFailedError, IllegalStateError):
            await self._client.commit({native(position): offset for position, offset in positions.items()})

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The offset that the next record of each partition will get."""
        with broker_errors(self._bootstrap):
            return await end_offsets(self._client, partitions)

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The earliest offset kept in each partition."""
        with broker_errors(self._bootstrap):
            return await begin_offsets(self._client, partitions)

    async def log_id(self) -> str:
        """The cluster's id. A topic that was deleted and made again shows by positions beyond its end."""
        if self._log_id is None:
            self._log_id = await cluster_id(self._bootstrap)
        return self._log_id

    async def revoked(self) -> None:
        """Called by the listener before the group shares anew; waits until the caller is inside `poll`."""
        if not (self._reading or self._pending):
            return
        async with self._turn:
            self._rebalances += 1
            self._pending.clear()
            try:
                await self._lose(self._reading)
            except Exception as error:  # aiokafka would only log it
                self._failure = error

    def assigned(self, positions: Iterable[TopicPartition]) -> None:
        """Called by the listener when the group has shared; `poll` goes on from there."""
        self._pending = {TopicPartition(*position) for position in positions}
        self._rebalances += 1
        self._changed.set()

    async def _lose(self, positions: Iterable[TopicPartition]) -> None:
        gone = sorted(positions)
        self._reading.clear()
        if gone:
            await self._on_revoked(gone)

    async def _begin(self) -> None:
        if not self._pending:
            return
        rebalances = self._rebalances
        positions = sorted(self._pending)
        starts = dict(await self._on_assigned(positions))
        absent = [position for position in positions if position not in starts]
        if absent:
            starts.update(await self.begin_offsets(absent))
        if rebalances != self._rebalances:
            return
        for position in positions:
            self._client.seek(native(position), starts[position])
        self._pending.clear()
        self._reading.update(positions)

    async def _wait(self, max_records: int, deadline: float) -> dict[TopicPartition, Sequence[Record]]:
        if self._pending:
            return {}
        rebalances = self._rebalances
        self._changed.clear()
        self._turn.release()
        try:
            found = await self._fetch(max_records, deadline)
        finally:
            await self._turn.acquire()
        if rebalances != self._rebalances:
            return {}
        return {
            TopicPartition(*position): to_records(messages)
            for position, messages in found.items()
            if position in self._reading
        }

    async def _fetch(self, max_records: int, deadline: float) -> Mapping[Any, Sequence[Any]]:
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        fetch = asyncio.create_task(
            self._client.getmany(timeout_ms=int(left * 1000), max_records=max_records)
        )
        change = asyncio.create_task(self._changed.wait())
        try:
            # A fetch keeps its own time, except that it also waits for a rebalance to end.
            await asyncio.wait(
                {fetch, change}, timeout=left + _GRACE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            change.cancel()
            fetch.cancel()
            await asyncio.wait({fetch, change})
        with broker_errors(self._bootstrap):
            try:
                found: Mapping[Any, Sequence[Any]] = {} if fetch.cancelled() else fetch.result()
            except NoOffsetForPartitionError:
                return {}
            except OffsetOutOfRangeError as error:
                raise await explain_out_of_range(self._client, error) from error
        return found


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._consumer.revoked()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._consumer.assigned(assigned)
