"""Rows of a sheet of a workbook, one after another; a formula is the value that it last had."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from interaction_service.adapters.imports.table_rows import buffered
from interaction_service.adapters.imports.workbook import (
    DATE,
    MAX_SHEET_BYTES,
    CellText,
    Workbook,
    parse,
    unescaped,
)
from interaction_service.application.imports.ports import Row, StoredFile
from interaction_service.domain.imports.limits import MAX_COLUMNS
from interaction_service.domain.imports.sniffing import NotImportable

_SINCE_1900, _SINCE_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 (a workbook's times have no zone)
_MICROSECONDS = 86_400_000_000
MAX_DIGITS = 64
MAX_ROW = 2**31
MAX_SHEETS = 100
"""Names of sheets that are shown."""


def excel_rows(
    file: StoredFile, loop: asyncio.AbstractEventLoop, skipped: int, *, sheet: str | None = None
) -> Iterator[Row]:
    """Yield the rows of a sheet behind the first so many, empty ones left out; in a thread. Raises NotImportable."""
    workbook = Workbook(buffered(file, loop), sheet)
    stream = workbook.open(workbook.sheet.part, MAX_SHEET_BYTES)
    if stream is None:
        raise NotImportable("lacks the sheet that it names")
    content = _Sheet(workbook)
    passed = 0
    with stream:
        for _ in parse(stream, content.start, content.end, content.text.add):
            for row in content.rows:
                passed += 1
                if passed > skipped:
                    yield row
            content.rows.clear()


def sheet_names(
    file: StoredFile, loop: asyncio.AbstractEventLoop, sheet: str | None
) -> tuple[str, list[str]]:
    """Return the name of the sheet that is read and those of all visible ones; in a thread. Raises NotImportable."""
    workbook = Workbook(buffered(file, loop), sheet)
    return workbook.sheet.name, [one.name for one in workbook.sheets[:MAX_SHEETS]]


class _Sheet:
    """Makes rows of the elements of a sheet."""

    def __init__(self, workbook: Workbook) -> None:
        self.rows: list[Row] = []
        self.text = CellText()
        self._texts = workbook.texts
        self._styles = workbook.styles
        self._origin = _SINCE_1904 if workbook.from_1904 else _SINCE_1900
        self._number = 0
        self._cells: list[Any] = []
        self._kind = "n"
        self._style: int | None = None
        self._column = 0

    def start(self, name: str, given: dict[str, str]) -> None:
        """An element begins."""
        if name == "row":
            # Numbers make ids, so that none may come twice, whatever wrote the workbook.
            self._number = max(int(given.get("r") or 0), self._number + 1)
            if self._number > MAX_ROW:
                raise NotImportable(f"has a row of a number beyond {MAX_ROW}")
            self._cells = []
        elif name == "c":
            self._kind = given.get("t", "n")
            self._style = self._styles.get(int(given.get("s", "0")))
            reference = given.get("r")
            self._column = len(self._cells) if reference is None else _column(reference)
            if self._column >= MAX_COLUMNS:
                raise NotImportable(f"has more than {MAX_COLUMNS} columns")
        self.text.begin(name)

    def end(self, name: str) -> None:
        """An element ends."""
        self.text.end(name)
        if name == "c":
            value = self._value(self.text.take())
            if value is not None:
                self._cells += [None] * (self._column - len(self._cells))
                self._cells[self._column :] = [value]
        elif name == "row" and self._cells:
            self.rows.append(Row(self._number, self._cells))

    def _value(self, text: str) -> Any:
        if text == "" or self._kind == "e":
            return None
        if self._kind == "s":
            place = int(text)
            if not 0 <= place < len(self._texts):
                raise NotImportable("names a text that it does not hold")
            return self._texts[place]
        if self._kind == "b":
            return text == "1"
        if self._kind == "d":
            return datetime.fromisoformat(text)
        return self._of_number(text) if self._kind == "n" else unescaped(text)

    def _of_number(self, text: str) -> Any:
        if self._style == DATE:
            return self._of_serial(float(text))
        if text.isdigit() and len(text) <= MAX_DIGITS:
            if self._style is not None:
                # 00123 is stored as 123 and shown with zeros in front, which are part of a number of a card.
                return text.zfill(self._style)
            # Not by way of a float, which has no more than 15 digits right: other programs write longer ids.
            return int(text)
        number = float(text)
        return int(number) if number.is_integer() else number

    def _of_serial(self, number: float) -> datetime | date | float:
        """Return the time that a number of days means; a number of whole days is a date."""
        try:
            moment = self._origin + timedelta(microseconds=round(number * _MICROSECONDS))
        except OverflowError:
            return number
        return moment.date() if number.is_integer() else moment


def _column(reference: str) -> int:
    """Return the number of the column of a reference such as AB12, 0 the first."""
    column = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        column = column * 26 + ord(letter) - 64
        if column > MAX_COLUMNS:
            break
    return max(column - 1, 0)
