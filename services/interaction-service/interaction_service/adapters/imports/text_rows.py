"""Reads rows of text files: CSV by the standard library's reader, JSON lines; a bad record spoils no other."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from interaction_service.adapters.imports.text_lines import Lines, Starved, TooLong
from interaction_service.application.imports.ports import FileForm, Row, StoredFile
from interaction_service.domain.imports.limits import KIB, MAX_RECORD_BYTES

READ_BYTES = 1024 * KIB
"""What is read at a time at most: an import has several readings in hand, and as much again in other forms."""
_LONG = f"is longer than {MAX_RECORD_BYTES // KIB} KiB, or a quotation mark in it is never closed"
_DOCUMENT = msgspec.json.Decoder(dict[str, Any])


class _Rows(ABC):
    """A place is [byte, number of the next record, whether the byte lies inside a line that was given up]."""

    def __init__(self, file: StoredFile, form: FileForm, place: Any = None) -> None:
        offset: int
        self._number: int
        self._inside_overlong: bool
        offset, self._number, self._inside_overlong = place or (0, 1, False)
        self._lines = Lines(file, offset, form.encoding)
        self._form = form
        self._heading = form.heading

    @property
    def place(self) -> list[int | bool]:
        """Where the next row begins."""
        return [self._lines.offset, self._number, self._inside_overlong]

    async def close(self) -> None:
        """Nothing is held open."""
        return

    async def read(self, most: int) -> Sequence[Row]:
        """Return the next rows, none at the end, fewer of long ones. Empty records are no rows, but are counted."""
        rows: list[Row] = []
        lines = self._lines
        enough = lines.offset + READ_BYTES
        while len(rows) < most and (lines.offset < enough or not rows):
            if lines.overlong:
                self._drop_overlong(rows)
            elif lines.ended and not lines.waiting:
                break
            elif not lines.waiting or not self._take(rows, most):
                await lines.fill()
        return rows

    def _drop_overlong(self, rows: list[Row]) -> None:
        shown = self._lines.drop_beginning()
        if not self._inside_overlong:
            self._refuse(rows, shown, _LONG)
        self._inside_overlong = True

    def _take(self, rows: list[Row], most: int) -> bool:
        """Take records until there are `most` rows; False when the next one goes on behind what was read."""
        if self._inside_overlong:
            self._lines.drop_line()
            self._inside_overlong = False
        records = self._records()
        while len(rows) < most:
            mark = self._lines.mark()
            try:
                self._accept(rows, next(records))
            except StopIteration:
                return True
            except Starved:
                self._lines.back(mark)
                return False
            except (csv.Error, TooLong, UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
                # One line is given up, not all that a stray quotation mark has swallowed.
                self._lines.back(mark)
                self._refuse(rows, self._lines.drop_line(), self._reason(error))
                records = self._records()
        return True

    def _refuse(self, rows: list[Row], shown: str, reason: str) -> None:
        rows.append(Row(self._number, [shown], reason))
        self._number += 1

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TooLong):
            return _LONG
        if isinstance(error, UnicodeDecodeError):
            return f"is not {self._form.encoding.upper()}"
        return "is not valid CSV" if isinstance(error, csv.Error) else "is no JSON object"

    @abstractmethod
    def _records(self) -> Iterator[Any]:
        """Return a fresh reader of records from the lines."""

    @abstractmethod
    def _accept(self, rows: list[Row], record: Any) -> None:
        """Add a record to the rows, if it is one."""


class CsvRows(_Rows):
    """Records of a CSV file; the header is none."""

    def _records(self) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=self._form.delimiter, strict=True)

    def _accept(self, rows: list[Row], record: list[str]) -> None:
        # Spreadsheets write the empty rows at their end as well, as nothing but delimiters.
        if any(record) and self._number > self._heading:
            rows.append(Row(self._number, record))
        self._number += 1


class JsonRows(_Rows):
    """Lines that are JSON objects: of each the values of `names`, in their order."""

    def __init__(self, file: StoredFile, form: FileForm, names: Sequence[str], place: Any = None) -> None:
        super().__init__(file, form, place)
        self._names = names

    def _records(self) -> Iterator[dict[str, Any] | None]:
        return map(_document, self._lines)

    def _accept(self, rows: list[Row], record: dict[str, Any] | None) -> None:
        if record is not None:
            rows.append(Row(self._number, [record.get(name) for name in self._names]))
        self._number += 1


def _document(line: str) -> dict[str, Any] | None:
    return None if line.isspace() else _DOCUMENT.decode(line)
