"""The broker in memory: topics, partitions and groups of one process and one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from guanxi_kit.log.gathering import total_size
from guanxi_kit.log.partitioner import partition_of
from guanxi_kit.log.port import (
    LogError,
    Outgoing,
    Record,
    TopicPartition,
    TopicSpec,
)


@dataclass
class _Partition:
    begin: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.begin + len(self.records)


@dataclass
class _Group:
    members: dict[str, tuple[frozenset[str], float]] = field(default_factory=dict)
    owners: dict[TopicPartition, str] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)


class MemoryLog:
    """The shared broker. Hand the same object to producers, consumers, readers and the admin of a test.

    `fail_next_append` makes the next append raise; `now` may be replaced to test retention.
    """

    def __init__(self) -> None:
        self.log_id = uuid4().hex
        self.fail_next_append: LogError | None = None
        self._specs: dict[str, TopicSpec] = {}
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._groups: dict[str, _Group] = {}
        self._wakes: set[asyncio.Event] = set()

    def now(self) -> datetime:
        """Append time of records; UTC."""
        return datetime.now(UTC)

    def records(self, topic: str) -> list[Record]:
        """Everything kept in a topic, by partition and offset."""
        return [record for position in self.positions(topic) for record in self.partition(position).records]

    def positions(self, topic: str) -> list[TopicPartition]:
        """All partitions of a topic. Raises LogError when there is none of that name."""
        if topic not in self._specs:
            raise LogError(f"there is no topic {topic} in the log")
        return [TopicPartition(topic, number) for number in range(self._specs[topic].partitions)]

    def partition(self, position: TopicPartition) -> _Partition:
        """One partition. Raises LogError when it does not exist."""
        if position not in self._partitions:
            raise LogError(f"there is no partition {position.partition} in topic {position.topic}")
        return self._partitions[position]

    def create(self, spec: TopicSpec) -> None:
        """Create a topic if it does not exist."""
        known = self._specs.get(spec.name)
        if known is not None and known.partitions != spec.partitions:
            raise LogError(f"topic {spec.name} has {known.partitions} partitions, not {spec.partitions}")
        self._specs[spec.name] = spec
        for position in self.positions(spec.name):
            self._partitions.setdefault(position, _Partition())

    def append(self, records: Sequence[Outgoing]) -> None:
        """Append all records, or raise and append none."""
        total_size(records)
        placed = [
            TopicPartition(record.topic, partition_of(record.key, len(self.positions(record.topic))))
            for record in records
        ]
        if (failure := self.fail_next_append) is not None:
            self.fail_next_append = None
            raise failure
        timestamp_ms = int(self.now().timestamp() * 1000)
        for record, position in zip(records, placed, strict=True):
            partition = self._partitions[position]
            partition.records.append(
                Record(*position, partition.end, record.key, record.value, record.headers, timestamp_ms)
            )
        self.wake()

    def retain(self) -> None:
        """Drop records older than their topic's retention."""
        for position, partition in self._partitions.items():
            oldest = self.now() - timedelta(days=self._specs[position.topic].retention_days)
            kept = [r for r in partition.records if r.timestamp_ms >= oldest.timestamp() * 1000]
            partition.begin += len(partition.records) - len(kept)
            partition.records = kept

    def group(self, name: str) -> _Group:
        """The state of a consumer group."""
        return self._groups.setdefault(name, _Group())

    def wake(self) -> None:
        """Let everybody who waits look again."""
        for event in self._wakes:
            event.set()

    def attend(self, event: asyncio.Event) -> None:
        """Set `event` whenever something changes."""
        self._wakes.add(event)

    def leave(self, event: asyncio.Event) -> None:
        """Undo `attend`."""
        self._wakes.discard(event)
