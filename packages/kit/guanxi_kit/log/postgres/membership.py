"""A consumer's membership of its group: heartbeats, the fair share, and leases on partitions.

All times are the database's. A lease has no time of its own: it holds while its owner's heartbeats are fresh, so that a
heartbeat is one small write however many partitions a member has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from guanxi_kit.log.port import LogError, Positions, TopicPartition
from guanxi_kit.log.postgres.link import GROUPS_CHANNEL, Link
from guanxi_kit.log.postgres.topics import Topics
from guanxi_kit.log.sharing import Timing, fair_share

_BEAT = """
WITH beat AS (
    INSERT INTO event_log.member (group_name, member_id, topic_ids, heartbeat_at)
    VALUES ($1, $2, $3, clock_timestamp())
    ON CONFLICT (group_name, member_id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at
    RETURNING member_id, topic_ids
)
SELECT member_id, topic_ids FROM beat
UNION
SELECT member_id, topic_ids FROM event_log.member
 WHERE group_name = $1 AND heartbeat_at > clock_timestamp() - $4::interval
"""
_FORGET = """
DELETE FROM event_log.member WHERE group_name = $1 AND heartbeat_at < clock_timestamp() - 10 * $2::interval
"""
_PREPARE = """
INSERT INTO event_log.lease (group_name, topic_id, partition)
SELECT $1, topic_id, partition FROM event_log.partition_head WHERE topic_id = ANY($2::int[])
ON CONFLICT DO NOTHING
"""
_HELD = "SELECT topic_id, partition FROM event_log.lease WHERE group_name = $1 AND owner = $2"
_ACQUIRE = """
UPDATE event_log.lease l SET owner = $2, epoch = epoch + 1
  FROM unnest($3::int[], $4::int[]) AS w (topic_id, partition)
 WHERE l.group_name = $1 AND l.topic_id = w.topic_id AND l.partition = w.partition
   AND (l.owner IS NULL OR l.owner = $2 OR NOT EXISTS (
        SELECT 1 FROM event_log.member m
         WHERE m.group_name = $1 AND m.member_id = l.owner AND m.heartbeat_at > clock_timestamp() - $5::interval))
RETURNING l.topic_id, l.partition
"""
_RELEASE = """
UPDATE event_log.lease l SET owner = NULL
  FROM unnest($3::int[], $4::int[]) AS w (topic_id, partition)
 WHERE l.group_name = $1 AND l.owner = $2 AND l.topic_id = w.topic_id AND l.partition = w.partition
"""
_LEAVE = """
WITH gone AS (DELETE FROM event_log.member WHERE group_name = $1 AND member_id = $2)
UPDATE event_log.lease SET owner = NULL WHERE group_name = $1 AND owner = $2
"""
_COMMIT = """
UPDATE event_log.lease l SET committed = w.next_offset
  FROM unnest($2::int[], $3::int[], $4::bigint[]) AS w (topic_id, partition, next_offset)
 WHERE l.group_name = $1 AND l.topic_id = w.topic_id AND l.partition = w.partition
"""
_NOTIFY = "SELECT pg_notify($1, $2)"


class Membership:
    """Keeps one member alive in its group and knows what its share is.

    `changed()` is called when the share may have changed or a lease may have become free. `share` is what the member
    should have, `held` what it has leases on; `may_acquire` is true once after each heartbeat.
    """

    def __init__(
        self,
        link: Link,
        topics: Topics,
        group: str,
        names: Sequence[str],
        *,
        timing: Timing,
        changed: Callable[[], None],
    ) -> None:
        self._link = link
        self._topics = topics
        self._group = group
        self._names = tuple(sorted(set(names)))
        self._timing = timing
        self._timeout = timedelta(seconds=timing.member_timeout)
        self._changed = changed
        self._member_id = uuid4().hex
        self._topic_ids: list[int] = []
        self._partitions: list[TopicPartition] = []
        self._beats: asyncio.Task[None] | None = None
        self._beat_now = asyncio.Event()
        self._fresh_until = 0.0
        self.share: frozenset[TopicPartition] = frozenset()
        self.held: frozenset[TopicPartition] = frozenset()
        self.may_acquire = False

    async def join(self) -> None:
        """Enter the group and start the heartbeats."""
        topics = [await self._topics.find(name) for name in self._names]
        self._topic_ids = [topic.topic_id for topic in topics]
        self._partitions = [position for topic in topics for position in topic.positions()]
        await self._link.fetch(_PREPARE, self._group, self._topic_ids)
        await self._beat()
        await self._tell()
        self._beats = asyncio.create_task(self._keep_beating())

    async def leave(self) -> None:
        """Give all leases back and leave the group. Does what it can when the log is unavailable."""
        if self._beats is None:
            return
        self._beats.cancel()
        await asyncio.gather(self._beats, return_exceptions=True)
        try:
            await self._link.fetch(_LEAVE, self._group, self._member_id)
            await self._tell()
        except LogError:
            return

    def is_fresh(self) -> bool:
        """Whether the others still count this member as alive, by its last heartbeat."""
        return asyncio.get_running_loop().time() < self._fresh_until

    def hear(self, group: str) -> None:
        """A member of `group` joined, left or released something."""
        if group == self._group:
            self._beat_now.set()

    async def acquire(self, positions: Collection[TopicPartition]) -> frozenset[TopicPartition]:
        """Take leases that are free or whose owner is dead; returns those it got."""
        self.may_acquire = False
        topic_ids, partitions = self._columns(positions)
        rows = await self._link.fetch(
            _ACQUIRE, self._group, self._member_id, topic_ids, partitions, self._timeout
        )
        got = self._positions(rows)
        self.held |= got
        return got

    async def release(self, positions: Collection[TopicPartition]) -> None:
        """Give leases back and tell the others."""
        await self._link.fetch(_RELEASE, self._group, self._member_id, *self._columns(positions))
        self.held -= frozenset(positions)
        await self._tell()

    async def commit(self, positions: Positions) -> None:
        """Note how far the group has read, for lag tools."""
        topic_ids, partitions = self._columns(positions)
        await self._link.fetch(_COMMIT, self._group, topic_ids, partitions, list(positions.values()))

    async def _keep_beating(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.heartbeat):
                    await self._beat_now.wait()
            self._beat_now.clear()
            try:
                await self._beat()
            except LogError:
                self._changed()

    async def _beat(self) -> None:
        sent_at = asyncio.get_running_loop().time()
        rows = await self._link.fetch(_BEAT, self._group, self._member_id, self._topic_ids, self._timeout)
        members = {
            member: {self._topics.name_of(number) for number in topic_ids if self._topics.has(number)}
            for member, topic_ids in rows
        }
        self._fresh_until = sent_at + self._timing.member_timeout
        self.share = fair_share(members, self._partitions, self._member_id)
        await self._link.fetch(_FORGET, self._group, self._timeout)
        self.held = self._positions(await self._link.fetch(_HELD, self._group, self._member_id))
        self.may_acquire = True
        if self.share != self.held:
            self._changed()

    async def _tell(self) -> None:
        await self._link.fetch(_NOTIFY, GROUPS_CHANNEL, self._group)

    def _columns(self, positions: Collection[TopicPartition]) -> tuple[list[int], list[int]]:
        return (
            [self._topics.known(position.topic).topic_id for position in positions],
            [position.partition for position in positions],
        )

    def _positions(self, rows: Sequence[tuple[int, int]]) -> frozenset[TopicPartition]:
        return frozenset(
            TopicPartition(self._topics.name_of(number), partition) for number, partition in rows
        )
