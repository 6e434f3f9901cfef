"""Keeps the change feed at the end of the log, whatever happens to the log's connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from guanxi_gateway.application.change_feed import ChangeFeed
from guanxi_gateway.application.log_reading import ChangeTopic, Extent
from guanxi_kit.log.port import LogRecreated, Reader

_log = structlog.get_logger(__name__)

_MOST_RECORDS = 1_000
_POLL_SECONDS = 1.0
_LOOK_FOR_PARTITIONS_SECONDS = 60.0


class FeedTail:
    """Follows the topic into the feed; reconnects with back-off and goes on where it stood."""

    def __init__(
        self,
        topic: ChangeTopic,
        feed: ChangeFeed,
        monotonic: Callable[[], float],
        *,
        first_wait: float = 0.2,
        longest_wait: float = 10.0,
    ) -> None:
        self._topic = topic
        self._feed = feed
        self._monotonic = monotonic
        # A batch is a small part of the ring, so that clients get their turn before it turns over.
        self._poll_records = max(1, min(_MOST_RECORDS, feed.capacity // 8))
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self.ready = False
        self.started = False
        self._recreated = False

    async def run(self) -> None:
        """Follow until cancelled."""
        wait = self._first_wait
        while True:
            try:
                await self._follow()
                wait = self._first_wait
            except Exception as error:
                self._recreated = self._recreated or isinstance(error, LogRecreated)
                wait = self._first_wait if self.ready else min(wait * 2, self._longest_wait)
                _log.warning("change_feed_interrupted", reason=type(error).__name__, retry_in=wait)
                self.ready = False
                await asyncio.sleep(wait)
            finally:
                self.ready = False

    async def _follow(self) -> None:
        """Read until the number of partitions grows. Raises whatever the log raises."""
        async with self._topic.reader() as reader:
            extent = await self._topic.extent(reader)
            self._take_place(extent)
            await self._topic.assign(reader, self._feed.positions)
            look_again = self._monotonic() + _LOOK_FOR_PARTITIONS_SECONDS
            while True:
                if not self.ready and not _behind(self._feed.positions, extent.ends):
                    self.ready = self.started = True
                await self._take(reader)
                if self._monotonic() >= look_again:
                    if len(await reader.partitions(self._topic.name)) != len(self._feed.positions):
                        return
                    look_again = self._monotonic() + _LOOK_FOR_PARTITIONS_SECONDS

    def _take_place(self, extent: Extent) -> None:
        feed = self._feed
        if not feed.positions:
            feed.restart(extent.log_mark, self._recent(extent))
            return
        if self._recreated or feed.log_mark != extent.log_mark or extent.precedes(feed.positions):
            _log.error("change_log_recreated")
            self._recreated = False
            feed.restart(extent.log_mark, extent.ends)
            return
        feed.widen(len(extent.ends))
        if extent.lacks(feed.positions):
            _log.error("change_feed_overtaken_by_retention")
            feed.restart(extent.log_mark, extent.ends)

    def _recent(self, extent: Extent) -> tuple[int, ...]:
        """Start a little before the end: clients of a gateway that restarted resume from memory, not from the log."""
        share = self._feed.capacity // 2 // max(1, len(extent.ends))
        return tuple(max(begin, end - share) for begin, end in zip(extent.begins, extent.ends, strict=True))

    async def _take(self, reader: Reader) -> None:
        batch = await reader.poll(max_records=self._poll_records, timeout=_POLL_SECONDS)
        for place, records in batch.items():
            for record in records:
                expected = self._feed.positions[place.partition]
                if record.offset < expected:
                    continue
                if (
                    record.offset > expected
                    and await self._topic.first_kept(reader, place.partition) > expected
                ):
                    self._skip_to(place.partition, record.offset)
                self._feed.append(record)
        if batch:
            self._feed.publish()
            await asyncio.sleep(0)

    def _skip_to(self, partition: int, offset: int) -> None:
        """Retention dropped records that were not read yet: say so to every client, then go on."""
        _log.error("change_feed_overtaken_by_retention", partition=partition)
        positions = list(self._feed.positions)
        positions[partition] = offset
        self._feed.restart(self._feed.log_mark, tuple(positions))


def _behind(positions: tuple[int, ...], ends: tuple[int, ...]) -> bool:
    return any(place < end for place, end in zip(positions, ends, strict=True))
