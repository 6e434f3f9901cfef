"""Looks at an uploaded file: what it is, which columns it has, and a mapping that suggests itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from interaction_service.adapters.imports.excel import excel_rows, sheet_names
from interaction_service.adapters.imports.opening import open_rows
from interaction_service.adapters.imports.parquet import parquet_columns
from interaction_service.adapters.imports.table_rows import TableRows
from interaction_service.application.imports.document import FileColumn, FileDocument
from interaction_service.application.imports.mapping import ColumnMapping, ImportMapping
from interaction_service.application.imports.ports import FileForm, StoredFile
from interaction_service.domain.imports.columns import (
    REFUSED_LIST,
    Column,
    column_names,
    header_place,
    is_refused_list,
    look_at_columns,
)
from interaction_service.domain.imports.limits import MAX_COLUMNS, SAMPLE_BYTES, SAMPLE_ROWS
from interaction_service.domain.imports.sniffing import (
    Encoding,
    Kind,
    NotImportable,
    delimiter_of,
    encoding_of,
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
    sheet: str | None = None


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
        # In a thread, as below: a megabyte of short cells takes a second, and requests go on meanwhile.
        form, names = await asyncio.to_thread(_text_form, kind, sample, asked, whole_is_utf8=whole_is_utf8)
        count = lines - form.heading
    reader = open_rows(file, form, names)
    try:
        sample_rows = await reader.read(SAMPLE_ROWS)
    finally:
        await reader.close()
    rows = [row.values for row in sample_rows if row.fault is None]
    if not rows:
        fault = f": row {sample_rows[0].number} {sample_rows[0].fault}" if sample_rows else ""
        raise NotImportable(f"holds no row that can be read{fault}")
    columns = await asyncio.to_thread(look_at_columns, names, rows)
    return describe(name, form, columns, declared, count)


def describe(
    name: str, form: FileForm, columns: Sequence[Column], declared: Declared, count: int
) -> FileDocument:
    """Return the document of a file of `count` rows, with the mapping that suggests itself."""
    of_rows = (
        columns[len(REFUSED_LIST) :] if is_refused_list([column.name for column in columns]) else columns
    )
    suggested = suggest(of_rows, declared)
    mapped = [
        ColumnMapping(column.name, target, form_of(column.type, target, declared))
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
    sheet, sheets = await asyncio.to_thread(sheet_names, file, asyncio.get_running_loop(), asked.sheet)
    reader = TableRows(partial(excel_rows, sheet=sheet), file)
    rows = [row.values for row in await reader.read(_LOOKED_AT)]
    await reader.close()
    place = _header_place(rows, asked)
    widest = max(map(len, rows), default=0)
    given = [] if place is None else [None if cell is None else str(cell) for cell in rows[place]]
    names = column_names([*given, *([None] * (widest - len(given)))])
    form = FileForm("excel", header=place is not None, sheet=sheet, sheets=sheets, above=place or 0)
    return form, names, file.size // _BYTES_OF_A_ROW


def _header_place(rows: Sequence[Sequence[Any]], asked: Asked) -> int | None:
    """Return which record is the header: the one that is found out, or the first that is not empty if one is said."""
    if asked.header is None:
        return header_place(rows)
    return next((place for place, row in enumerate(rows) if any(row)), None) if asked.header else None


def _text_form(kind: Kind, sample: bytes, asked: Asked, *, whole_is_utf8: bool) -> tuple[FileForm, list[str]]:
    encoding = asked.encoding or encoding_of(sample, whole_is_utf8=whole_is_utf8)
    text = text_of(sample, encoding)
    if kind == "jsonl":
        return FileForm(kind, encoding, header=False), _keys(text)
    delimiter = asked.delimiter or delimiter_of(text)
    # One column more than there may be says as much as a million.
    found = [row[: MAX_COLUMNS + 1] for row in records(text, delimiter, SAMPLE_ROWS)]
    place = _header_place(found, asked)
    widest = max(map(len, found), default=0)
    names = column_names([None] * widest if place is None else found[place])
    return FileForm(kind, encoding, delimiter, header=place is not None, above=place or 0), names


def _keys(text: str) -> list[str]:
    """Return the names in the first lines, in the order of their first appearance."""
    names: dict[str, None] = {}
    for line in text.split("\n", SAMPLE_ROWS)[:SAMPLE_ROWS]:
        try:
            names.update(dict.fromkeys(_OBJECT.decode(line)))
        except (msgspec.MsgspecError, RecursionError):
            continue
    if len(names) > MAX_COLUMNS:
        raise NotImportable(f"has more than {MAX_COLUMNS} names")
    return list(names)
