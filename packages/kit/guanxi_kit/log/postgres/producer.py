"""Appends to the log in PostgreSQL: one round trip and one commit for all that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from guanxi_kit.log.gathering import Failures, Gatherer, Submission, total_size
from guanxi_kit.log.partitioner import partition_of
from guanxi_kit.log.port import LogError, LogUnavailable, Outgoing, TopicPartition
from guanxi_kit.log.postgres.codec import encode_batches
from guanxi_kit.log.postgres.link import RECORDS_CHANNEL, Link
from guanxi_kit.log.postgres.topics import Topics

_APPEND = "SELECT event_log.append($1::int[], $2::int[], $3::int[], $4::bytea[])"
_NOTIFY = "SELECT pg_notify($1, $2)"


class Notifier:
    """Wakes readers after commits, several commits in one notification.

    A NOTIFY inside the append would make all appends of the database commit one after another.
    """

    def __init__(self, link: Link, channel: str) -> None:
        self._link = link
        self._channel = channel
        self._waiting: set[str] = set()
        self._sending: asyncio.Task[None] | None = None

    def announce(self, names: set[str]) -> None:
        """Send the names soon; readers that miss it find the records by polling."""
        self._waiting |= names
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def close(self) -> None:
        """Send what waits."""
        if self._sending is not None:
            await self._sending

    async def _send(self) -> None:
        while self._waiting:
            names, self._waiting = self._waiting, set()
            try:
                await self._link.fetch(_NOTIFY, self._channel, ",".join(sorted(names)))
            except LogError:
                return


class PostgresProducer:
    """Producer of the PostgreSQL engine; see the port for what it promises."""

    def __init__(self, dsn: str) -> None:
        self._link = Link(dsn, name="guanxi log producer")
        self._notify_link = Link(dsn, name="guanxi log notifier", lazy=True)
        self._notifier = Notifier(self._notify_link, RECORDS_CHANNEL)
        self._topics = Topics(self._link)
        self._positions: dict[str, Sequence[TopicPartition]] = {}
        self._gatherer = Gatherer(self._write)
        self._stopped = False

    async def start(self) -> None:
        """Connect. Raises LogUnavailable, or LogError when the log is not installed."""
        await self._topics.load()

    async def stop(self) -> None:
        """Finish what is under way and disconnect."""
        self._stopped = True
        await self._gatherer.close()
        await self._notifier.close()
        await self._notify_link.close()
        await self._link.close()

    async def append(self, records: Sequence[Outgoing]) -> None:
        """Append all records or none; see the port."""
        if self._stopped:
            raise LogUnavailable("this producer is stopped")
        if not records:
            return
        size = total_size(records)
        by_partition: dict[TopicPartition, list[Outgoing]] = {}
        for topic in {record.topic for record in records}:
            if topic not in self._positions:
                self._positions[topic] = (await self._topics.find(topic)).positions()
        for record in records:
            positions = self._positions[record.topic]
            position = positions[partition_of(record.key, len(positions))]
            if position in by_partition:
                by_partition[position].append(record)
            else:
                by_partition[position] = [record]
        await self._gatherer.submit(by_partition, size)

    async def _write(self, group: Sequence[Submission]) -> Failures:
        merged = group[0].records if len(group) == 1 else _merged(group)
        topic_ids: list[int] = []
        partitions: list[int] = []
        counts: list[int] = []
        stored: list[bytes] = []
        for position, records in merged.items():
            for count, batch in encode_batches(records):
                topic_ids.append(self._topics.known(position.topic).topic_id)
                partitions.append(position.partition)
                counts.append(count)
                stored.append(batch)
        await self._link.fetch(_APPEND, topic_ids, partitions, counts, stored)
        self._notifier.announce({position.topic for position in merged})
        return {}


def _merged(group: Sequence[Submission]) -> Mapping[TopicPartition, Sequence[Outgoing]]:
    merged: dict[TopicPartition, list[Outgoing]] = {}
    for submission in group:
        for position, records in submission.records.items():
            merged.setdefault(position, []).extend(records)
    return merged
