"""Opens an uploaded file for its rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from guanxi_kit.spreadsheets import unguarded
from interaction_service.adapters.imports.excel import excel_rows
from interaction_service.adapters.imports.parquet import parquet_rows
from interaction_service.adapters.imports.table_rows import TableRows
from interaction_service.adapters.imports.text_rows import CsvRows, JsonRows
from interaction_service.application.imports.ports import FileForm, Row, RowReader, StoredFile
from interaction_service.domain.imports.columns import is_refused_list


def open_rows(file: StoredFile, form: FileForm, names: Sequence[str], place: Any = None) -> RowReader:
    """Return what reads the rows of a file from a place on; `names` are its columns."""
    reader = _reader(file, form, names, place)
    return _Mended(reader) if is_refused_list(names) else reader


def _reader(file: StoredFile, form: FileForm, names: Sequence[str], place: Any) -> RowReader:
    if form.kind == "jsonl":
        return JsonRows(file, form, names, place)
    if form.kind == "parquet":
        return TableRows(parquet_rows, file, place)
    if form.kind == "excel":
        return _Sheet(file, form, place)
    return CsvRows(file, form, place)


class _Sheet(TableRows):
    """A sheet; its header and what stands above it are no rows."""

    def __init__(self, file: StoredFile, form: FileForm, place: Any) -> None:
        super().__init__(partial(excel_rows, sheet=form.sheet), file, place)
        self._heading = max(form.heading - (place or 0), 0)

    async def read(self, most: int) -> Sequence[Row]:
        """Return the next rows, none at the end."""
        heading, self._heading = self._heading, 0
        return (await super().read(most + heading))[heading:]


class _Mended:
    """Rows of a list of refused rows, without the apostrophes that keep spreadsheets from carrying cells out."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader

    @property
    def place(self) -> Any:
        """Where the next row begins."""
        return self._reader.place

    async def read(self, most: int) -> Sequence[Row]:
        """Return the next rows, none at the end."""
        rows = await self._reader.read(most)
        return [row._replace(values=[unguarded(cell) for cell in row.values]) for row in rows]

    async def close(self) -> None:
        """Let go of the file."""
        await self._reader.close()
