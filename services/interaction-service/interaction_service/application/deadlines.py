"""Bounds on how long tasks wait, with one timer for all of them."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadlines:
    """Makes waits of at most `seconds`. An asyncio.timeout for each would cost more than most of the waits."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # All last equally long, so the first to begin is the first that is due.
        self._waits: dict[Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def wait(self) -> Deadline:
        """Return a context whose block is cancelled, and raises TimeoutError, when it takes too long."""
        return Deadline(self)

    def begin(self, deadline: Deadline) -> float:
        """Watch a wait; returns when it is due."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self.seconds
        self._waits[deadline] = None
        if self._timer is None:
            self._timer = loop.call_at(due, self._sweep, loop)
        return due

    def end(self, deadline: Deadline) -> None:
        """Watch it no longer."""
        self._waits.pop(deadline, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        # The timer was set for the oldest wait of its time, so it never comes late for a younger one.
        now = loop.time()
        self._timer = None
        while self._waits:
            oldest = next(iter(self._waits))
            if oldest.due > now:
                self._timer = loop.call_at(oldest.due, self._sweep, loop)
                return
            del self._waits[oldest]
            oldest.expire()


class Deadline:
    """One wait of one task; as asyncio.Timeout it tells its own cancellation from another's."""

    __slots__ = ("_cancelling", "_deadlines", "_expired", "_task", "due")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._task = task
        self._cancelling = task.cancelling()
        self.due = self._deadlines.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._deadlines.end(self)
        if (
            self._expired
            and self._task.uncancel() <= self._cancelling
            and kind is not None
            and issubclass(kind, asyncio.CancelledError)
        ):
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the task."""
        self._expired = True
        self._task.cancel()
