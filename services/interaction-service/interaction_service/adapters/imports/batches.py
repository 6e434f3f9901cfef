"""Batches of rows as they go from the reader to whoever prepares them, and what comes back, ready for the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from interaction_service.adapters.touchpoint_log import encode
from interaction_service.application.imports.mapping import ImportMapping
from interaction_service.application.imports.ports import Row
from interaction_service.application.imports.prepare_rows import PrepareRows, RefusedRow
from interaction_service.application.imports.row_mapper import RowMapper
from interaction_service.application.intake import TURN
from interaction_service.application.ports import Channel


class Batch(NamedTuple):
    """Rows of a file, read at a time, and what becomes of them."""

    import_id: UUID
    mapping: ImportMapping
    names: Sequence[str]
    channel: Channel
    received_at: datetime
    rows: Sequence[Row]


class Ready(NamedTuple):
    """What came of a batch: keys and events for the log, and the rows that were refused, in the order of the file."""

    events: list[tuple[bytes, bytes]]
    refused: list[RefusedRow]


class Preparing(Protocol):
    """Prepares batches."""

    async def prepare(self, batch: Batch) -> Ready:
        """Return what comes of a batch; nothing is written."""
        ...


def prepare_batch(prepare_rows: PrepareRows, batch: Batch) -> Ready:
    """Prepare a batch in one go."""
    mapper = RowMapper(batch.mapping, batch.names, batch.import_id)
    prepared = prepare_rows.prepare(batch.channel, mapper, batch.rows, batch.received_at)
    return Ready(encode(prepared.touchpoints), list(prepared.refused))


class PrepareHere:
    """Prepares batches on the event loop, some rows at a time."""

    def __init__(self, prepare_rows: PrepareRows) -> None:
        self._prepare_rows = prepare_rows

    async def prepare(self, batch: Batch) -> Ready:
        """Return what comes of a batch."""
        whole = Ready([], [])
        for begin in range(0, len(batch.rows), TURN):
            if begin:
                await asyncio.sleep(0)
            part = batch._replace(rows=batch.rows[begin : begin + TURN])
            ready = prepare_batch(self._prepare_rows, part)
            whole.events.extend(ready.events)
            whole.refused.extend(ready.refused)
        return whole
