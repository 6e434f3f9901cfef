"""Group commit: appends made while one is in flight travel together in the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from guanxi_kit.log.port import (
    MAX_RECORD_BYTES,
    LogError,
    LogUnavailable,
    Outgoing,
    RecordTooLarge,
    TopicPartition,
)

Failures = Mapping[TopicPartition, LogError]


def total_size(records: Sequence[Outgoing]) -> int:
    """Bytes that records count: keys, values and headers. Raises RecordTooLarge for one over MAX_RECORD_BYTES."""
    total = 0
    for topic, key, value, headers in records:
        size = len(key) + len(value)
        for name, content in headers:
            size += len(name) + len(content)
        if size > MAX_RECORD_BYTES:
            raise RecordTooLarge(f"a record of {size} bytes for {topic}; the limit is {MAX_RECORD_BYTES}")
        total += size
    return total


@dataclass(frozen=True, slots=True)
class Submission:
    """What one caller of append handed in, by partition."""

    records: Mapping[TopicPartition, Sequence[Outgoing]]
    size: int
    outcome: asyncio.Future[None]

    def settle(self, failures: Failures) -> None:
        """Tell the caller: failed if any of its partitions failed."""
        if self.outcome.done():
            return
        for position in self.records:
            if (failure := failures.get(position)) is not None:
                self.outcome.set_exception(_copy(failure))
                return
        self.outcome.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Tell the caller that the whole write failed."""
        if not self.outcome.done():
            self.outcome.set_exception(_copy(error))


def _copy(error: BaseException) -> LogError:
    # One exception object raised in many tasks would collect all their tracebacks.
    kind = type(error) if isinstance(error, LogError) else LogUnavailable
    copy = kind(str(error))
    copy.__cause__ = error
    return copy


class Gatherer:
    """Collects submissions and writes them together, one write at a time.

    `write` returns the partitions that failed, or raises when all of them did.
    """

    def __init__(
        self, write: Callable[[Sequence[Submission]], Awaitable[Failures]], *, max_bytes: int = 4_000_000
    ) -> None:
        self._write = write
        self._max_bytes = max_bytes
        self._pending: deque[Submission] = deque()
        self._drain: asyncio.Task[None] | None = None

    async def submit(self, records: Mapping[TopicPartition, Sequence[Outgoing]], size: int) -> None:
        """Write records with whatever else waits; returns when they are durable. Raises what `write` raised."""
        submission = Submission(records, size, asyncio.get_running_loop().create_future())
        self._pending.append(submission)
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._run())
        await submission.outcome

    async def close(self) -> None:
        """Wait until all that was submitted is settled."""
        if self._drain is not None:
            await self._drain

    async def _run(self) -> None:
        while group := self._take():
            try:
                failures = await self._write(group)
            except asyncio.CancelledError:
                for submission in group:
                    submission.fail(LogUnavailable("the producer was stopped during the append"))
                raise
            except Exception as error:  # each caller gets it as its own outcome
                for submission in group:
                    submission.fail(error)
            else:
                for submission in group:
                    submission.settle(failures)

    def _take(self) -> list[Submission]:
        group: list[Submission] = []
        size = 0
        while self._pending:
            submission = self._pending[0]
            if submission.outcome.cancelled():
                self._pending.popleft()
                continue
            if group and size + submission.size > self._max_bytes:
                break
            group.append(self._pending.popleft())
            size += submission.size
        return group
