"""Opens an uploaded file for its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interaction_service.adapters.imports.excel import excel_rows
from interaction_service.adapters.imports.parquet import parquet_rows
from interaction_service.adapters.imports.table_rows import TableRows
from interaction_service.adapters.imports.text_rows import CsvRows, JsonRows
from interaction_service.application.imports.ports import FileForm, Row, RowReader, StoredFile


def open_rows(file: StoredFile, form: FileForm, names: Sequence[str], place: Any = None) -> RowReader:
    """Return what reads the rows of a file from a place on; `names` are its columns."""
    if form.kind == "jsonl":
        return JsonRows(file, form, names, place)
    if form.kind == "parquet":
        return TableRows(parquet_rows, file, place)
    if form.kind == "excel":
        return _Sheet(file, form, place)
    return CsvRows(file, form, place)


class _Sheet(TableRows):
    """A sheet; its header is no row."""

    def __init__(self, file: StoredFile, form: FileForm, place: Any) -> None:
        super().__init__(excel_rows, file, place)
        self._header = form.header and not place

    async def read(self, most: int) -> Sequence[Row]:
        """Return the next rows, none at the end."""
        rows = await super().read(most + 1 if self._header else most)
        header, self._header = self._header, False
        return rows[1:] if header else rows
