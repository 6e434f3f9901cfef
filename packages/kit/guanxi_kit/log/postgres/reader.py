"""Reads chosen partitions of the log in PostgreSQL, outside any group."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from guanxi_kit.log.port import Positions, Record, TopicPartition
from guanxi_kit.log.postgres.fetching import Fetcher
from guanxi_kit.log.postgres.link import RECORDS_CHANNEL, Link
from guanxi_kit.log.postgres.topics import Topics


class PostgresReader:
    """Reader of the PostgreSQL engine; see the port for what it promises."""

    def __init__(self, dsn: str) -> None:
        self._link = Link(
            dsn, name="guanxi log reader", listen=(RECORDS_CHANNEL,), notified=self._hear, lazy=True
        )
        self._topics = Topics(self._link)
        self._fetcher = Fetcher(self._link, self._topics)

    async def start(self) -> None:
        """Connect. Raises LogUnavailable, or LogError when the log is not installed."""
        await self._topics.load()

    async def stop(self) -> None:
        """Disconnect."""
        await self._link.close()

    async def partitions(self, topic: str) -> Sequence[TopicPartition]:
        """All partitions of a topic."""
        return (await self._topics.find(topic)).positions()

    async def assign(self, positions: Positions) -> None:
        """Read exactly these partitions from these offsets on; `poll` refuses offsets the log does not have."""
        self._fetcher.drop(list(self._fetcher.assigned()))
        for position, offset in positions.items():
            self._fetcher.seek(position, offset)

    async def poll(self, *, max_records: int, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records in offset order per partition; see the port."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            records = await self._fetcher.poll_once(max_records, deadline)
            if records or asyncio.get_running_loop().time() >= deadline:
                return records

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The offset that the next record of each partition will get."""
        return {position: head.end for position, head in (await self._topics.heads_of(partitions)).items()}

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """The earliest offset kept in each partition."""
        return {position: head.begin for position, head in (await self._topics.heads_of(partitions)).items()}

    async def log_id(self) -> str:
        """The id the log got when it was installed."""
        if self._link.log_id is None:
            await self._topics.load()
        return str(self._link.log_id)

    def _hear(self, _channel: str, payload: str) -> None:
        read = {position.topic for position in self._fetcher.assigned()}
        if not read.isdisjoint(payload.split(",")):
            self._fetcher.wake.set()
