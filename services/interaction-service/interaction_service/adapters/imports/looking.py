"""Looks at an uploaded file: what it is, which columns it has, and a mapping that suggests itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from interaction_service.adapters.imports.excel import excel_rows, sheet_name
from interaction_service.adapters.imports.opening import open_rows
from interaction_service.adapters.imports.parquet import parquet_columns
from interaction_service.adapters.imports.table_rows import TableRows
from interaction_service.application.imports.document import FileColumn, FileDocument
from interaction_service.application.imports.mapping import ColumnMapping, ImportMapping
from interaction_service.application.imports.ports import FileForm, StoredFile
from interaction_service.domain.imports.columns import Column, column_names, look_at_columns
from interaction_service.domain.imports.limits import MAX_COLUMNS, SAMPLE_BYTES, SAMPLE_ROWS
from interaction_service.domain.imports.sniffing import (
    Encoding,
    Kind,
    NotImportable,
    delimiter_of,
    encoding_of,
    has_header,
    kind_of,
    records,
    text_of,
)
from interaction_service.domain.imports.targets import Declared, form_of, suggest

_LOOKED_AT = 100
_BYTES_OF_A_ROW = 40
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class Asked(msgspec.Struct, frozen=True):
    """What whoever uploads a file says of its form; the rest is found out."""

    encoding: Encoding | None = None
    delimiter: str | None = None
    header: bool | None = None


async def look_at(
    name: str, file: StoredFile, asked: Asked, declared: Declared, *, whole_is_utf8: bool, lines: int
) -> FileDocument:
    """Return what a file is. Raises NotImportable."""
    sample = await file.read(0, SAMPLE_BYTES)
    kind = kind_of(sample)
    if kind == "parquet":
        form, names, count = await _parquet_form(file)
    elif kind == "excel":
        form, names, count = await _excel_form(file, asked)
    else:
        form, names = _text_form(kind, sample, asked, whole_is_utf8=whole_is_utf8)
        count = lines - (1 if form.header else 0)
    reader = open_rows(file, form, names)
    try:
        rows = [row.values for row in await reader.read(SAMPLE_ROWS) if row.fault is None]
    finally:
        await reader.close()
    if not rows:
        raise NotImportable("holds no row that can be read")
    return describe(name, form, look_at_columns(names, rows), declared, count)


def describe(
    name: str, form: FileForm, columns: Sequence[Column], declared: Declared, count: int
) -> FileDocument:
    """Return the document of a file of `count` rows, with the mapping that suggests itself."""
    suggested = suggest(columns, declared)
    mapped = [
        ColumnMapping(column.name, target, form_of(column, target, declared))
        for column in columns
        if (target := suggested.targets.get(column.name)) is not None
    ]
    return FileDocument(
        name=name,
        form=form,
        columns=[FileColumn(column.name, column.type) for column in columns],
        rows=max(count, 1),
        mapping=ImportMapping(mapped, suggested.kind, suggested.event),  # type: ignore[arg-type]
    )


async def _parquet_form(file: StoredFile) -> tuple[FileForm, list[str], int]:
    names, count = await asyncio.to_thread(parquet_columns, file, asyncio.get_running_loop())
    return FileForm("parquet", header=False), names, count


async def _excel_form(file: StoredFile, asked: Asked) -> tuple[FileForm, list[str], int]:
    """How many rows a sheet has is told by no more than its length: about one for so many bytes."""
    sheet = await asyncio.to_thread(sheet_name, file, asyncio.get_running_loop())
    reader = TableRows(excel_rows, file)
    rows = [row.values for row in await reader.read(_LOOKED_AT)]
    await reader.close()
    first = rows[0] if rows else []
    header = has_header([str(cell or "") for cell in first]) if asked.header is None else asked.header
    widest = max(map(len, rows), default=0)
    given = [None if cell is None else str(cell) for cell in first] if header else []
    names = column_names([*given, *([None] * (widest - len(given)))])
    return FileForm("excel", header=header, sheet=sheet), names, file.size // _BYTES_OF_A_ROW


def _text_form(kind: Kind, sample: bytes, asked: Asked, *, whole_is_utf8: bool) -> tuple[FileForm, list[str]]:
    encoding = asked.encoding or encoding_of(sample, whole_is_utf8=whole_is_utf8)
    text = text_of(sample, encoding)
    if kind == "jsonl":
        return FileForm(kind, encoding, header=False), _keys(text)
    delimiter = asked.delimiter or delimiter_of(text)
    found = [row for row in records(text, delimiter, SAMPLE_ROWS) if row]
    first: list[str] = found[0] if found else []
    header = has_header(first) if asked.header is None else asked.header
    widest = max(map(len, found), default=0)
    return FileForm(kind, encoding, delimiter, header), column_names(first if header else [None] * widest)


def _keys(text: str) -> list[str]:
    """Return the names in the first lines, in the order of their first appearance."""
    names: dict[str, None] = {}
    for line in text.splitlines()[:SAMPLE_ROWS]:
        try:
            names.update(dict.fromkeys(_OBJECT.decode(line)))
        except (msgspec.MsgspecError, RecursionError):
            continue
    if len(names) > MAX_COLUMNS:
        raise NotImportable(f"has more than {MAX_COLUMNS} names")
    return list(names)
