"""One client's way through the change stream: resume, catch up from the log, follow the feed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from uuid import UUID

import structlog

from guanxi_gateway.application.change_feed import Change, ChangeFeed, FellBehind
from guanxi_gateway.application.event_ids import EventId, encode_event_id
from guanxi_gateway.application.frames import (
    HEARTBEAT,
    ResetReason,
    change_frame,
    position_frame,
    ready_frame,
    reset_frame,
)
from guanxi_gateway.application.log_reading import ChangeTopic
from guanxi_kit.log.port import Record

_log = structlog.get_logger(__name__)

_CHANGES_AT_ONCE = 100
_CATCH_UP_RECORDS = 500


class Subscription:
    """Yields the frames for one client. `place` None starts at the end of the stream.

    Each change after `place` is yielded exactly once and in order per customer, or a reset frame says that this
    could not be done. `catch_ups` bounds how many clients read from the log at a time.
    """

    def __init__(
        self,
        feed: ChangeFeed,
        topic: ChangeTopic,
        catch_ups: asyncio.Semaphore,
        *,
        place: EventId | None,
        customer_id: UUID | None,
        heartbeat: float,
    ) -> None:
        self._feed = feed
        self._topic = topic
        self._catch_ups = catch_ups
        self._customer_id = customer_id
        self._heartbeat = heartbeat
        self._place = place
        self._generation = feed.generation
        self._log_mark = place.log_mark if place else feed.log_mark
        self._cursor = list(place.positions if place else feed.positions)
        self._number = feed.next
        self._told = tuple(self._cursor)

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield frames until the client falls behind or the log cannot be read for a catch-up."""
        yield ready_frame(self._event_id())
        if self._place is not None:
            async with aclosing(self._resume(self._place)) as resumed:
                async for frame in resumed:
                    yield frame
        try:
            async with aclosing(self._follow()) as followed:
                async for frame in followed:
                    yield frame
        except FellBehind:
            _log.warning("change_client_fell_behind", behind=self._feed.next - self._number)

    async def _resume(self, place: EventId) -> AsyncGenerator[bytes, None]:
        feed = self._feed
        if place.log_mark != feed.log_mark or len(place.positions) > len(feed.positions):
            yield self._reset("log_recreated")
            return
        self._widen()
        if not feed.covers(self._cursor) or any(
            mine > fed for mine, fed in zip(self._cursor, feed.positions, strict=True)
        ):
            async with aclosing(self._catch_up()) as caught:
                async for frame in caught:
                    yield frame
        if self._generation == feed.generation:
            self._number = feed.first

    async def _catch_up(self) -> AsyncGenerator[bytes, None]:
        """Read from the log until the feed holds all that is still missing."""
        while not await self._acquire():
            yield HEARTBEAT
        try:
            async with self._topic.reader() as reader:
                extent = await self._topic.extent(reader)
                self._widen()
                if extent.precedes(self._cursor):
                    yield self._reset("log_recreated")
                    return
                if extent.lacks(self._cursor):
                    yield self._reset("expired")
                    return
                await self._topic.assign(reader, self._cursor)
                while self._generation == self._feed.generation and not self._feed.covers(self._cursor):
                    batch = await reader.poll(max_records=_CATCH_UP_RECORDS, timeout=self._heartbeat)
                    for place, records in batch.items():
                        if records[0].offset > self._cursor[place.partition] and (
                            await self._topic.first_kept(reader, place.partition)
                            > self._cursor[place.partition]
                        ):
                            yield self._reset("expired")
                            return
                        if frame := self._render(self._changes(records)):
                            yield frame
                    if not batch:
                        yield self._idle_frame()
                    self._widen()
        finally:
            self._catch_ups.release()

    async def _acquire(self) -> bool:
        try:
            async with asyncio.timeout(self._heartbeat):
                return await self._catch_ups.acquire()
        except TimeoutError:
            return False

    def _changes(self, records: Iterable[Record]) -> Iterable[Change]:
        """Wrap records of the log as changes whose positions are this client's own."""
        for record in records:
            positions = list(self._cursor)
            positions[record.partition] = record.offset + 1
            yield Change(record, self._log_mark, tuple(positions))

    async def _follow(self) -> AsyncGenerator[bytes, None]:
        feed = self._feed
        while True:
            if self._generation != feed.generation:
                yield self._reset("interrupted")
            self._widen()
            changes = feed.after(self._number, _CHANGES_AT_ONCE)
            self._number += len(changes)
            if changes:
                if frame := self._render(changes):
                    yield frame
            elif not await feed.wait(self._number, self._generation, self._heartbeat):
                yield self._idle_frame()

    def _render(self, changes: Iterable[Change]) -> bytes:
        """Move over the changes and return the frames of those this client wants and has not had."""
        frames = []
        for change in changes:
            partition, offset = change.record.partition, change.record.offset
            if offset < self._cursor[partition]:
                continue
            self._cursor[partition] = offset + 1
            if not change.concerns(self._customer_id):
                continue
            mine = tuple(self._cursor)
            frames.append(
                change.frame
                if mine == change.positions
                else change_frame(change.data, encode_event_id(self._log_mark, mine))
            )
            self._told = mine
        return b"".join(frames)

    def _widen(self) -> None:
        """New partitions begin after everything this client has seen."""
        self._cursor.extend([0] * (len(self._feed.positions) - len(self._cursor)))

    def _idle_frame(self) -> bytes:
        """A heartbeat; or the place, when changes for others moved it since the client was last told."""
        mine = tuple(self._cursor)
        if mine == self._told:
            return HEARTBEAT
        self._told = mine
        return position_frame(self._event_id())

    def _reset(self, reason: ResetReason) -> bytes:
        """Stand at the feed's end and tell the client."""
        feed = self._feed
        self._generation, self._number, self._log_mark = feed.generation, feed.next, feed.log_mark
        self._cursor = list(feed.positions)
        self._told = feed.positions
        return reset_frame(reason, self._event_id())

    def _event_id(self) -> str:
        return encode_event_id(self._log_mark, self._cursor)
