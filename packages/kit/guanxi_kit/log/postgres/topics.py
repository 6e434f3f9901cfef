"""Topics of the log as the database knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from guanxi_kit.log.port import LogError, LogRecreated, TopicPartition
from guanxi_kit.log.postgres.link import Link

_TOPICS = "SELECT topic_id, name, partitions FROM event_log.topic"
_HEADS = """
SELECT topic_id, partition, begin_offset, next_offset FROM event_log.partition_head WHERE topic_id = ANY($1::int[])
"""


class Topic(NamedTuple):
    """A topic's number in the database and how many partitions it has."""

    topic_id: int
    name: str
    partitions: int

    def positions(self) -> list[TopicPartition]:
        """All its partitions, in order."""
        return [TopicPartition(self.name, number) for number in range(self.partitions)]


class Head(NamedTuple):
    """Offsets kept in a partition: from `begin` until before `end`."""

    begin: int
    end: int


class Topics:
    """Looks topics up by name and remembers them; reads the heads of partitions afresh."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._by_name: dict[str, Topic] = {}
        self._names: dict[int, str] = {}

    async def find(self, name: str) -> Topic:
        """The topic called `name`. Raises LogError when there is none."""
        if name not in self._by_name:
            await self.load()
        try:
            return self._by_name[name]
        except KeyError:
            raise LogError(f"there is no topic {name} in the log") from None

    def known(self, name: str) -> Topic:
        """A topic found before."""
        return self._by_name[name]

    def has(self, topic_id: int) -> bool:
        """Whether a topic of this number was found before."""
        return topic_id in self._names

    def name_of(self, topic_id: int) -> str:
        """The name of a topic found before."""
        return self._names[topic_id]

    async def load(self) -> None:
        """Read all topics."""
        for topic_id, name, partitions in await self._link.fetch(_TOPICS):
            self._by_name[name] = Topic(topic_id, name, partitions)
            self._names[topic_id] = name

    async def heads(self, names: Iterable[str]) -> Mapping[TopicPartition, Head]:
        """Begin and end of every partition of the named topics."""
        topics = [await self.find(name) for name in names]
        rows = await self._link.fetch(_HEADS, [topic.topic_id for topic in topics])
        return {
            TopicPartition(self._names[topic_id], partition): Head(begin, end)
            for topic_id, partition, begin, end in rows
        }

    async def heads_of(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Head]:
        """Begin and end of these partitions. Raises LogError when one of them does not exist."""
        heads = await self.heads(sorted({position.topic for position in positions}))
        missing = [position for position in positions if position not in heads]
        if missing:
            raise LogError(f"there is no partition {missing[0].partition} in topic {missing[0].topic}")
        return {position: heads[position] for position in positions}


def check_position(position: TopicPartition, offset: int, head: Head) -> None:
    """Refuse an offset that the log cannot continue from without skipping records.

    Raises LogRecreated beyond the end, LogError before the begin.
    """
    where = f"{position.topic}/{position.partition}"
    if offset > head.end:
        raise LogRecreated(
            f"{where} ends at {head.end}, before the stored position {offset}: the log was recreated"
        )
    if offset < head.begin:
        raise LogError(
            f"{where} begins at {head.begin}, after the stored position {offset}:"
            f" retention dropped {head.begin - offset} records before they were read"
        )
