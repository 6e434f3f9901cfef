"""What imports need of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from interaction_service.domain.imports.sniffing import Encoding, Kind


class FileForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a file is read. A header is a row of names; so many records stand `above` it, such as a title.

    `sheet` is the one of a workbook that is read, of its visible `sheets`.
    """

    kind: Kind
    encoding: Encoding = "utf-8"
    delimiter: str = ","
    header: bool = True
    sheet: str | None = None
    sheets: list[str] = []
    above: int = 0

    @property
    def heading(self) -> int:
        """How many records go before the first row."""
        return self.above + 1 if self.header else 0


class Row(NamedTuple):
    """A row: its number as a person who opens the file counts, its cells, and why it cannot be read if it cannot.

    Of an unreadable row `values` holds the beginning as text.
    """

    number: int
    values: Sequence[Any]
    fault: str | None = None


class RowReader(Protocol):
    """Reads the rows of a file, in its order."""

    @property
    def place(self) -> Any:
        """Where the next row begins, as JSON: a reader that is opened there reads on from it."""
        ...

    async def read(self, most: int) -> Sequence[Row]:
        """Return the next rows, none at the end."""
        ...

    async def close(self) -> None:
        """Let go of the file."""
        ...


class StoredFile(Protocol):
    """The bytes of an uploaded file."""

    size: int

    async def read(self, start: int, length: int) -> bytes:
        """Return bytes from `start`, fewer at the end of the file."""
        ...
