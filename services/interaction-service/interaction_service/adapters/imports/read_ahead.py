"""The rows of a file, read and prepared ahead of who takes them, in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from interaction_service.adapters.imports.batches import Ready
from interaction_service.adapters.imports.file_store import FileGone
from interaction_service.application.imports.ports import Row, RowReader
from interaction_service.domain.imports.sniffing import NotImportable

BATCH = 1_000
"""Rows that are prepared, and go to the log, together."""


class _Coming(NamedTuple):
    ready: asyncio.Future[Ready]
    rows: int
    place: Any


class ReadAhead:
    """Keeps at most `ahead` batches in preparation. Its place is behind the rows that were taken, not those read."""

    def __init__(
        self, reader: RowReader, prepare: Callable[[Sequence[Row]], Awaitable[Ready]], ahead: int
    ) -> None:
        self.place = reader.place
        self._reader = reader
        self._prepare = prepare
        self._ahead = ahead
        self._coming: deque[_Coming] = deque()
        self._ended = False
        self._fault: FileGone | NotImportable | None = None

    async def take(self) -> tuple[int, Ready] | None:
        """Return how many rows were read for the next batch and what came of them; None at the end.

        Raises what reading and preparing raise; after that there is no place any more.
        """
        place, self.place = self.place, None
        await self._read_on()
        if self._coming:
            ready, rows, place = self._coming[0]
            taken = rows, await ready
            self._coming.popleft()
            self.place = place
            return taken
        if self._fault is not None:
            raise self._fault
        self.place = place
        return None

    async def close(self) -> None:
        """Let go of the file and of what is in preparation."""
        for coming in self._coming:
            coming.ready.cancel()
        await asyncio.gather(*(coming.ready for coming in self._coming), return_exceptions=True)
        self._coming.clear()
        await self._reader.close()

    async def _read_on(self) -> None:
        while not self._ended and len(self._coming) < self._ahead:
            try:
                rows = await self._reader.read(BATCH)
            except (FileGone, NotImportable) as error:
                # Told when all before it was taken.
                self._fault, self._ended = error, True
                return
            if not rows:
                self._ended = True
                return
            ready = asyncio.ensure_future(self._prepare(rows))
            self._coming.append(_Coming(ready, len(rows), self._reader.place))
