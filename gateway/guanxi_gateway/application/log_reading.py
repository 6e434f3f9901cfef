"""Reading the change topic outside any group: from where, and whether something is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from guanxi_gateway.application.event_ids import mark_of
from guanxi_kit.log.port import Reader, TopicPartition


@dataclass(frozen=True, slots=True)
class Extent:
    """What a topic holds: of each partition the first offset kept and the next offset to come."""

    log_mark: int
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    def lacks(self, positions: Sequence[int]) -> bool:
        """Whether something after `positions` is no longer kept."""
        return any(begin > place for begin, place in zip(self.begins, positions, strict=True))

    def precedes(self, positions: Sequence[int]) -> bool:
        """Whether the topic is shorter than `positions`: it is not the log they belong to."""
        return len(self.ends) < len(positions) or any(
            end < place for end, place in zip(self.ends, positions, strict=False)
        )


class ChangeTopic:
    """Opens readers of one topic."""

    def __init__(self, name: str, open_reader: Callable[[], Reader]) -> None:
        self.name = name
        self._open_reader = open_reader

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Reader]:
        """A started reader, stopped in the end. Raises LogUnavailable."""
        reader = self._open_reader()
        await reader.start()
        try:
            yield reader
        finally:
            await reader.stop()

    async def extent(self, reader: Reader) -> Extent:
        """Return what the topic holds now."""
        partitions = sorted(await reader.partitions(self.name))
        begins = await reader.begin_offsets(partitions)
        ends = await reader.end_offsets(partitions)
        return Extent(
            mark_of(await reader.log_id()),
            tuple(begins[partition] for partition in partitions),
            tuple(ends[partition] for partition in partitions),
        )

    async def first_kept(self, reader: Reader, partition: int) -> int:
        """Return the first offset kept of a partition."""
        place = TopicPartition(self.name, partition)
        return (await reader.begin_offsets([place]))[place]

    async def assign(self, reader: Reader, positions: Sequence[int]) -> None:
        """Read every partition from its position on."""
        await reader.assign(
            {TopicPartition(self.name, number): place for number, place in enumerate(positions)}
        )
