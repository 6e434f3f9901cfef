"""Lines of a stored text file, one after another, and a way back to where a record begins."""

from __future__ import annotations

from collections.abc import Iterator

from interaction_service.application.imports.ports import StoredFile
from interaction_service.domain.imports.limits import KIB, MAX_RECORD_BYTES
from interaction_service.domain.imports.sniffing import BOM

BLOCK = 1024 * KIB
SHOWN = 1_000
"""Characters that are kept of a record that cannot be read."""
Mark = tuple[int, int]


class TooLong(Exception):
    """The record is longer than any may be."""


class Starved(Exception):
    """The record goes on behind what was read so far."""


class Lines(Iterator[str]):
    """The lines of a file from the byte `offset` on, as far as they were read; that is where the next one begins.

    Only whole lines are decoded: neither in UTF-8 nor in GB18030 does another character hold the byte of a line break.
    """

    def __init__(self, file: StoredFile, offset: int, encoding: str) -> None:
        self.offset = self.begin = offset
        self.ended = False
        self._file = file
        self._encoding = encoding
        self._lines: list[bytes] = []
        self._next = 0
        self._rest = b""
        self._read_to = offset

    async def fill(self) -> None:
        """Read on; `ended` says that the file has."""
        block = await self._file.read(self._read_to, BLOCK)
        self._read_to += len(block)
        parts = (self._rest + block).split(b"\n")
        self._rest = parts.pop()
        self._lines = [*self._lines[self._next :], *(part + b"\n" for part in parts)]
        self._next = 0
        if not block:
            self.ended = True
            if self._rest:
                self._lines.append(self._rest)
                self._rest = b""

    @property
    def waiting(self) -> bool:
        """Whether a whole line is there."""
        return self._next < len(self._lines)

    @property
    def overlong(self) -> bool:
        """Whether the next line is not whole and already longer than any record may be."""
        return not self.waiting and len(self._rest) > MAX_RECORD_BYTES

    def drop_beginning(self) -> str:
        """Let go of the beginning of an overlong line and return some of it."""
        dropped, self._rest = self._rest, b""
        self.offset += len(dropped)
        return self._shown(dropped)

    def drop_line(self) -> str:
        """Let go of the next line and return some of it."""
        return self._shown(self._take())

    def mark(self) -> Mark:
        """Begin a record: return the place to come `back` to, as long as nothing was filled in."""
        self.begin = self.offset
        return self._next, self.offset

    def back(self, mark: Mark) -> None:
        """Go back to a mark."""
        self._next, self.offset = mark

    def __next__(self) -> str:
        """Return the next line. Raises Starved, TooLong, UnicodeDecodeError; StopIteration at the end of the file."""
        line = self._take()
        if self.offset - self.begin > MAX_RECORD_BYTES:
            raise TooLong
        return line.decode(self._encoding)

    def _take(self) -> bytes:
        if self._next == len(self._lines):
            if self.ended:
                raise StopIteration
            raise Starved
        line = self._lines[self._next]
        self._next += 1
        self.offset += len(line)
        return line[len(BOM) :] if self.offset == len(line) and line.startswith(BOM) else line

    def _shown(self, raw: bytes) -> str:
        return raw[: 4 * SHOWN].decode(self._encoding, "replace")[:SHOWN].rstrip("\r\n")
