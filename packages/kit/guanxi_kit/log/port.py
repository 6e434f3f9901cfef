"""The event-log port: topics, keys, partitions, offsets and groups, shaped after Kafka.

Nothing above this module may know which engine runs. Both engines and the in-memory fake pass one behaviour suite.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class LogError(Exception):
    """Base of all event-log errors."""


class LogUnavailable(LogError):
    """The log cannot be reached or did not confirm; the append may or may not have happened. Try again."""


class RecordTooLarge(LogError):
    """The record is larger than the log accepts (1 MB); it will never be accepted."""


class LogRecreated(LogError):
    """The log is not the one that the stored position belongs to, or it is shorter than that position."""


class TopicPartition(NamedTuple):
    topic: str
    partition: int


Headers = tuple[tuple[str, bytes], ...]


class Outgoing(NamedTuple):
    """A record to append. The partition follows from the key (murmur2, as every Kafka client does)."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()


class Record(NamedTuple):
    """A record read. `timestamp_ms` is the append time in Unix milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Headers
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class TopicSpec:
    name: str
    partitions: int
    retention_days: int


MAX_RECORD_BYTES = 1_000_000


class Producer(Protocol):
    """Appends records durably.

    `append` returns once every record is durable (Kafka: acks=all; PostgreSQL: committed). Records of one partition
    keep their order, within a call and between calls that are awaited one after another, and a failed record leaves
    none behind it appended in that call and partition: after LogUnavailable the caller repeats the whole call, and
    readers see repeats but never a gap. `flush_size` style tuning is the engine's business.
    """

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def append(self, records: Sequence[Outgoing]) -> None: ...


Positions = Mapping[TopicPartition, int]
OnAssigned = Callable[[Sequence[TopicPartition]], Awaitable[Positions]]
OnRevoked = Callable[[Sequence[TopicPartition]], Awaitable[None]]


class Consumer(Protocol):
    """A member of a group that shares the partitions of some topics.

    On assignment `on_assigned(partitions)` returns where to start each (an offset; absent = earliest kept).
    `on_revoked` is awaited before a partition may go to another member. `poll` returns records of assigned
    partitions only, in offset order per partition, at most `max_records`, waiting at most `timeout` seconds for the
    first; rebalances happen inside it. `commit` is for lag tools only.
    """

    async def start(self, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None: ...
    async def stop(self) -> None: ...
    async def poll(
        self, *, max_records: int, timeout: float
    ) -> Mapping[TopicPartition, Sequence[Record]]: ...
    def seek(self, position: TopicPartition, offset: int) -> None: ...
    def assignment(self) -> frozenset[TopicPartition]: ...
    async def commit(self, positions: Positions) -> None: ...
    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions: ...
    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions: ...
    async def log_id(self) -> str:
        """An id of this log that changes when the log is created anew."""
        ...


class Reader(Protocol):
    """Reads chosen partitions from chosen offsets, outside any group (change streams, rebuilds, tools)."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def partitions(self, topic: str) -> Sequence[TopicPartition]: ...
    async def assign(self, positions: Positions) -> None: ...
    async def poll(
        self, *, max_records: int, timeout: float
    ) -> Mapping[TopicPartition, Sequence[Record]]: ...
    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Positions: ...
    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> Positions: ...
    async def log_id(self) -> str:
        """The id of the log, as `Consumer.log_id`."""
        ...


class Admin(Protocol):
    """Creates topics and applies retention."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create those that do not exist. Raises LogError when one exists with another number of partitions."""
        ...

    async def apply_retention(self) -> None:
        """Drop what is older than each topic's retention (a no-op where the broker does it by itself)."""
        ...
