"""Reads assigned partitions in order, ahead of what the caller asks for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from guanxi_kit.log.port import LogError, Record, TopicPartition
from guanxi_kit.log.postgres.codec import MAX_BATCH_RECORDS, decode_batch
from guanxi_kit.log.postgres.link import Link
from guanxi_kit.log.postgres.topics import Topics, check_position

_FETCH_BYTES = 2_000_000
_POLL_SECONDS = 0.5
# Looks follow each other at this distance at least: under many small appends each look then finds several of them,
# which halves the work of everyone behind for a few milliseconds of delay.
_SPACING_SECONDS = 0.008

# A batch is bounded, so the records asked for bound the rows; sizes are summed before any value is read.
_FETCH = """
SELECT w.partition, b.base_offset, b.appended_at, b.records
  FROM unnest($2::int[], $3::bigint[]) AS w (partition, position)
 CROSS JOIN LATERAL (
       SELECT r.base_offset, r.last_offset, r.appended_at, r.records,
              sum(octet_length(r.records)) OVER (ORDER BY r.last_offset) - octet_length(r.records) AS before
         FROM event_log.record_batch_{topic_id} r
        WHERE r.topic_id = $1 AND r.partition = w.partition
          AND r.last_offset >= w.position AND r.last_offset < w.position + $4 + {batch}
          AND r.base_offset < w.position + $4) AS b
 WHERE b.before < $5
 ORDER BY w.partition, b.last_offset
"""


class Fetcher:
    """Positions and read-ahead buffers of the partitions that one consumer or reader has."""

    def __init__(self, link: Link, topics: Topics) -> None:
        self._link = link
        self._topics = topics
        self._next: dict[TopicPartition, int] = {}
        self._buffers: dict[TopicPartition, deque[Sequence[Record]]] = {}
        self._turn = 0
        self._look_at = 0.0
        self._looked_at = 0.0
        self.wake = asyncio.Event()

    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions it reads."""
        return frozenset(self._next)

    def seek(self, position: TopicPartition, offset: int) -> None:
        """Read a partition from `offset` on; assigns it if it was not."""
        self._next[position] = offset
        self._buffers[position] = deque()
        self.wake.set()

    def drop(self, positions: Sequence[TopicPartition]) -> None:
        """Stop reading partitions and forget what was read ahead."""
        for position in positions:
            self._next.pop(position, None)
            self._buffers.pop(position, None)

    async def poll_once(self, max_records: int, deadline: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Records that are there, or else one wait for more: until woken, the deadline or the polling interval."""
        records = self._take(max_records)
        if records:
            return records
        clock = asyncio.get_running_loop().time
        if self.wake.is_set() or clock() >= self._look_at:
            await asyncio.sleep(max(0.0, self._looked_at + _SPACING_SECONDS - clock()))
            self.wake.clear()
            self._looked_at = clock()
            await self._fill(max_records)
            records = self._take(max_records)
            self._look_at = 0.0 if records else clock() + _POLL_SECONDS
        if not records and clock() < deadline:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(deadline, self._look_at)):
                    await self.wake.wait()
        return records

    async def _fill(self, max_records: int) -> None:
        if not self._next:
            return
        heads = await self._topics.heads_of(list(self._next))
        waiting: dict[str, list[tuple[int, int]]] = {}
        for position, head in heads.items():
            offset = self._next.get(position)
            if offset is None:
                continue
            check_position(position, offset, head)
            if head.end > offset:
                waiting.setdefault(position.topic, []).append((position.partition, offset))
        count = sum(map(len, waiting.values()))
        for name, wanted in waiting.items():
            await self._fetch(name, wanted, quota=max(100, 2 * max_records // count))

    async def _fetch(self, name: str, wanted: Sequence[tuple[int, int]], quota: int) -> None:
        topic = self._topics.known(name)
        rows = await self._link.fetch(
            _FETCH.format(topic_id=topic.topic_id, batch=MAX_BATCH_RECORDS),
            topic.topic_id,
            [partition for partition, _ in wanted],
            [offset for _, offset in wanted],
            quota,
            _FETCH_BYTES // len(wanted),
        )
        reached = {TopicPartition(name, partition): offset for partition, offset in wanted}
        for partition, base_offset, appended_at, stored in rows:
            position = TopicPartition(name, partition)
            if position not in self._next:
                continue
            expected = reached[position]
            if base_offset > expected:
                raise LogError(f"{name}/{partition}: {base_offset} follows {expected}; records are missing")
            records = decode_batch(position, base_offset, int(appended_at.timestamp() * 1000), stored)
            self._buffers[position].append(records[expected - base_offset :])
            reached[position] = base_offset + len(records)

    def _take(self, max_records: int) -> dict[TopicPartition, Sequence[Record]]:
        taken: dict[TopicPartition, Sequence[Record]] = {}
        ready = [position for position, buffer in self._buffers.items() if buffer]
        if not ready:
            return taken
        self._turn = (self._turn + 1) % len(ready)
        for position in ready[self._turn :] + ready[: self._turn]:
            buffer = self._buffers[position]
            records: list[Record] = []
            while buffer and len(records) < max_records:
                chunk = buffer.popleft()
                room = max_records - len(records)
                records.extend(chunk[:room])
                if len(chunk) > room:
                    buffer.appendleft(chunk[room:])
            taken[position] = records
            self._next[position] = records[-1].offset + 1
            max_records -= len(records)
            if not max_records:
                break
        return taken
