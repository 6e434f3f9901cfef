"""The relay: publishes what transactions left in the outbox, in order per source, then removes it.

It may publish a row more than once (after a crash, or beside a stale owner); it never publishes a later row of a
source before an earlier one was confirmed. So receivers see repeats, which they drop by cause, and never a gap.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import msgspec
import structlog

from guanxi_kit.db import Database, is_transient
from guanxi_kit.log.port import Headers, LogUnavailable, Outgoing, Producer
from guanxi_kit.telemetry import METRICS

CHUNK_ROWS = 64
CHUNK_BYTES = 8_000_000
QUEUE_BYTES = 32_000_000
SWEEP_SECONDS = 5.0
_RETURNED = """
SELECT outbox.id, outbox.source, outbox.records
FROM outbox JOIN unnest($1::text[], $2::bigint[]) AS published (source, id)
  ON outbox.source = published.source AND outbox.id <= published.id
ORDER BY outbox.id
"""
_UNPACK = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes, Headers]]).decode

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Packed records of one source; rows of a source are published in the order of their ids."""

    id: int
    source: str
    records: bytes


class Relay:
    """Publishes rows handed over after a commit, rows found on taking over a partition, and rows of streams.

    `streams` are sources that several processes may write: their rows are always read back from the table, lowest
    first, because only the table knows the order of commits between processes.
    """

    def __init__(self, db: Database, producer: Producer, *, streams: Sequence[str] = ()) -> None:
        self._db = db
        self._producer = producer
        self._streams = tuple(streams)
        self._queue: deque[OutboxRow] = deque()
        self._queued: set[int] = set()
        self._queued_bytes = 0
        self._published: dict[str, int] = {}
        self._sweep_at = 0.0
        self._failing_since: float | None = None
        self._stale_streams: set[str] = set(streams)
        self._changed = asyncio.Condition()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start publishing in the background."""
        self._task = asyncio.create_task(self._run(), name="relay")

    async def stop(self, *, timeout: float = 10.0) -> None:
        """Publish what is queued, at most `timeout` seconds; the rest stays in the table for the next owner."""
        try:
            async with asyncio.timeout(timeout):
                await self.flush()
        except TimeoutError:
            log.warning("relay.stopped_with_rest", rows=len(self._queue))
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def submit(self, rows: Iterable[OutboxRow]) -> None:
        """Queue rows just committed."""
        async with self._changed:
            self._enqueue(rows)
            self._changed.notify_all()

    async def has_room(self, *, timeout: float) -> bool:
        """Wait at most `timeout` seconds until few enough rows are queued to act on more records (back-pressure)."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: self._queued_bytes <= QUEUE_BYTES)
        return self._queued_bytes <= QUEUE_BYTES

    def failing_seconds(self) -> float:
        """Say for how long publishing has failed; 0 while it works."""
        return 0.0 if self._failing_since is None else time.monotonic() - self._failing_since

    def wake(self, source: str) -> None:
        """Publish the rows of a stream soon."""
        self._stale_streams.add(source)
        self._nudge = asyncio.create_task(self._notify(), name="relay-nudge")

    async def recover(self, sources: Sequence[str]) -> None:
        """Queue what an earlier owner of these sources left in the table; call before acting for them."""
        async with self._db.pool.acquire() as connection:
            found = await connection.fetch(
                "SELECT id, source, records FROM outbox WHERE source = ANY($1) ORDER BY id", list(sources)
            )
        async with self._changed:
            self._enqueue(OutboxRow(*row) for row in found)
            self._changed.notify_all()

    async def flush(self) -> None:
        """Wait until everything queued is published and removed."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._queue and not self._stale_streams)

    def _enqueue(self, rows: Iterable[OutboxRow]) -> None:
        for row in rows:
            if row.id not in self._queued:
                self._queued.add(row.id)
                self._queued_bytes += len(row.records)
                self._queue.append(row)
        METRICS.outbox_pending.set(len(self._queue))

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _run(self) -> None:
        delay = 0.1
        while not self._stopping:
            try:
                await self._step()
                delay = 0.1
                self._failing_since = None
            except Exception as error:
                self._failing_since = self._failing_since or time.monotonic()
                if not (isinstance(error, LogUnavailable) or is_transient(error)):
                    log.error("relay.failed", error=type(error).__name__)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)

    async def _step(self) -> None:
        """Publish one chunk, or wait for work; look for forgotten rows every few seconds."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_SECONDS
            self._stale_streams.update(self._streams)
            await self._queue_returned()
        if not self._queue and not self._stale_streams:
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS), self._changed:
                    await self._changed.wait_for(lambda: self._queue or self._stale_streams)
        for source in tuple(self._stale_streams):
            await self._publish_stream(source)
        chunk = _chunk(self._queue)
        if chunk:
            await self._publish(chunk)
            async with self._changed:
                for row in chunk:
                    self._queue.popleft()
                    self._published[row.source] = max(row.id, self._published.get(row.source, 0))
                    self._queued.discard(row.id)
                    self._queued_bytes -= len(row.records)
                METRICS.outbox_pending.set(len(self._queue))
                self._changed.notify_all()

    async def _queue_returned(self) -> None:
        """Queue rows that were published and stand again: a database that crashed may forget their removal."""
        if not self._published:
            return
        async with self._db.pool.acquire() as connection:
            found = await connection.fetch(_RETURNED, list(self._published), list(self._published.values()))
        self._enqueue(OutboxRow(*row) for row in found)

    async def _publish_stream(self, source: str) -> None:
        """Publish all rows of a stream as the table has them."""
        self._stale_streams.discard(source)
        try:
            while True:
                async with self._db.pool.acquire() as connection:
                    found = await connection.fetch(
                        "SELECT id, source, records FROM outbox WHERE source = $1 ORDER BY id LIMIT $2",
                        source,
                        CHUNK_ROWS,
                    )
                if not found:
                    break
                await self._publish(_chunk(OutboxRow(*row) for row in found))
        except BaseException:
            self._stale_streams.add(source)
            raise
        await self._notify()

    async def _publish(self, rows: Sequence[OutboxRow]) -> None:
        """Append the rows' records to the log, then remove the rows.

        The removal need not be durable: a row that comes back is published again and dropped as a repeat.
        """
        records = [
            Outgoing(topic, key, value, headers)
            for row in rows
            for topic, key, value, headers in _UNPACK(row.records)
        ]
        await self._producer.append(records)
        METRICS.relay_published.inc(len(records))
        async with self._db.pool.acquire() as connection:
            await connection.execute(
                "WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))"
                " DELETE FROM outbox USING quick WHERE id = ANY($1::bigint[])",
                [row.id for row in rows],
            )


def _chunk(rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    """Return the first rows, as many as one append should carry; at least one if there is one."""
    chunk: list[OutboxRow] = []
    size = 0
    for row in islice(rows, CHUNK_ROWS):
        size += len(row.records)
        if chunk and size > CHUNK_BYTES:
            break
        chunk.append(row)
    return chunk
