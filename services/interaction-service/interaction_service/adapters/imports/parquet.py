"""Parquet files, by pyarrow: column by column out of one row group, some thousand rows at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from interaction_service.adapters.imports.table_rows import FileInThread
from interaction_service.application.imports.ports import Row, StoredFile
from interaction_service.domain.imports.columns import column_names
from interaction_service.domain.imports.limits import KIB, MAX_COLUMNS
from interaction_service.domain.imports.sniffing import NotImportable

MAX_GROUP_BYTES = 512 * 1024 * KIB
"""What a row group may unpack to, by what the file says of itself."""
BATCH = 1_000


def parquet_columns(file: StoredFile, loop: asyncio.AbstractEventLoop) -> tuple[list[str], int]:
    """Return the names of the columns and how many rows there are; in a thread. Raises NotImportable."""
    parquet = _open(file, loop)
    return column_names(parquet.schema_arrow.names), parquet.metadata.num_rows


def parquet_rows(file: StoredFile, loop: asyncio.AbstractEventLoop, skipped: int) -> Iterator[Row]:
    """Yield the rows behind the first so many; in a thread. Raises NotImportable."""
    parquet = _open(file, loop)
    before = 0
    for group in range(parquet.metadata.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        if before + rows <= skipped:
            before += rows
            continue
        for columns in _batches(parquet, group):
            for values in zip(*columns, strict=True):
                before += 1
                if before > skipped:
                    yield Row(before, [_plain(value) for value in values])


def _batches(parquet: Any, group: int) -> Iterator[list[list[Any]]]:
    """Yield the columns of a row group, so many rows at a time. Raises NotImportable where they are broken."""
    import pyarrow as pa

    try:
        for batch in parquet.iter_batches(BATCH, row_groups=[group], use_threads=False):
            yield [_cells(column) for column in batch.columns]
    except (pa.ArrowException, OSError) as error:
        # Faults of the connection to where the file lies are of other kinds.
        if isinstance(error, OSError) and type(error) is not OSError:
            raise
        raise NotImportable("is broken in the middle") from None


def _cells(column: Any) -> list[Any]:
    """Return the values of a column; times finer than a microsecond, or of no year that Python has, as texts."""
    import pyarrow as pa

    try:
        cells: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        if not pa.types.is_timestamp(column.type):
            raise NotImportable("holds a value that is no time of any calendar") from None
        cells = column.cast(pa.string()).to_pylist()
    return cells


def _open(file: StoredFile, loop: asyncio.AbstractEventLoop) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise NotImportable("is Parquet, which this installation cannot read (guanxi[interaction])") from None
    try:
        parquet = pq.ParquetFile(pa.PythonFile(FileInThread(file, loop), mode="r"), buffer_size=1024 * KIB)
    except (pa.ArrowException, OSError):
        raise NotImportable("is no Parquet file that can be read") from None
    metadata = parquet.metadata
    largest = max(
        (metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups)), default=0
    )
    if largest > MAX_GROUP_BYTES:
        raise NotImportable(f"has row groups of more than {MAX_GROUP_BYTES // 1024 // KIB} MiB")
    if metadata.num_columns > MAX_COLUMNS:
        raise NotImportable(f"has more than {MAX_COLUMNS} columns")
    return parquet


def _plain(value: Any) -> Any:
    """Return a value as a cell: bytes are text where they can be."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
