"""Rows of files that are read from many places at once (Parquet, workbooks): in a thread, from the sealed chunks.

Nothing is ever written out in clear for a library to read.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from interaction_service.application.imports.ports import Row, StoredFile
from interaction_service.domain.imports.limits import KIB

READ_SECONDS = 60.0
BUFFER = 256 * KIB


class FileInThread(io.RawIOBase):
    """A stored file as libraries want it; its bytes are fetched by the event loop."""

    def __init__(self, file: StoredFile, loop: asyncio.AbstractEventLoop) -> None:
        self._file = file
        self._loop = loop
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere else."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the file goes."""
        view = memoryview(buffer).cast("B")
        reading = asyncio.run_coroutine_threadsafe(self._file.read(self._at, len(view)), self._loop)
        content = reading.result(READ_SECONDS)
        view[: len(content)] = content
        self._at += len(content)
        return len(content)


def buffered(file: StoredFile, loop: asyncio.AbstractEventLoop) -> io.BufferedReader:
    """Return a file for a thread that reads a little at a time."""
    return io.BufferedReader(FileInThread(file, loop), BUFFER)


OpenTable = Callable[[StoredFile, asyncio.AbstractEventLoop, int], Iterator[Row]]
"""Called in a thread: yields the rows of a file behind the first so many."""


class TableRows:
    """A place is how many rows were read. After a reading that was broken off there is none."""

    def __init__(self, open_table: OpenTable, file: StoredFile, place: Any = None) -> None:
        self._open_table = open_table
        self._file = file
        self._rows: Iterator[Row] | None = None
        self._taken: int | None = place or 0

    @property
    def place(self) -> int | None:
        """How many rows were read."""
        return self._taken

    async def read(self, most: int) -> Sequence[Row]:
        """Return the next rows, none at the end."""
        before, self._taken = self._taken, None
        if before is None:
            raise RuntimeError("the reader was broken off")
        loop = asyncio.get_running_loop()
        rows = await asyncio.to_thread(self._take, before, most, loop)
        self._taken = before + len(rows)
        return rows

    async def close(self) -> None:
        """Let go of the file."""
        self._rows = None

    def _take(self, before: int, most: int, loop: asyncio.AbstractEventLoop) -> list[Row]:
        if self._rows is None:
            self._rows = self._open_table(self._file, loop, before)
        return list(islice(self._rows, most))
