"""The job that takes an uploaded file in: some thousand rows a step, each step kept with its place in the file."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.jobs import Job, JobFailed, Step
from interaction_service.adapters.imports.file_store import FileGone, FileStore
from interaction_service.adapters.imports.opening import open_rows
from interaction_service.adapters.imports.refusals import keep_refusals
from interaction_service.application.imports.document import Import
from interaction_service.application.imports.mapping import RowMapper
from interaction_service.application.imports.ports import RowReader
from interaction_service.application.imports.take_rows import PreparedRows, RefusedRow, TakeRows
from interaction_service.application.ports import Channel, Unavailable
from interaction_service.domain.imports.limits import MAX_KEPT_REFUSALS
from interaction_service.domain.imports.sniffing import NotImportable

KIND = "import_rows"
BATCH, BATCHES = 1_000, 4
"""Rows that go to the log together, and how often in a step."""
REST = 0.1
"""Less than other jobs rest: between its batches a step lets others have their turn, and somebody waits for its end."""
MOST_REASONS = 20
OPEN_FILES = 2
_GONE = "the file is no longer there: an import has 7 days from its upload"


def job_params(found: Import, channel: Channel) -> dict[str, Any]:
    """Return what the job is told."""
    return {
        "import_id": str(found.import_id),
        "channel_id": channel.channel_id,
        "channel": channel.name,
        "channel_kind": channel.kind,
    }


@dataclass(slots=True)
class Taken:
    """What a step did: rows read and made durable, those refused, and where the next step begins."""

    place: Any = None
    rows: int = 0
    accepted: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    ended: bool = False
    expected: int = 0


@dataclass(frozen=True, slots=True)
class _Open:
    reader: RowReader
    mapper: RowMapper
    channel: Channel
    expected: int


class ImportRows:
    """Handles the job. The cursor is the reader's place; a file stays open from step to step in one process."""

    def __init__(self, database: Database, keyring: Keyring, take_rows: TakeRows) -> None:
        self._keyring = keyring
        self._store = FileStore(database, keyring)
        self._take_rows = take_rows
        self._files: dict[UUID, _Open] = {}

    async def work(self, job: Job) -> Taken:
        """Read rows and make them durable. What a crash leaves uncounted is done again, to no effect (see TakeRows)."""
        file = await self._open(job)
        taken = Taken(expected=file.expected)
        appending: asyncio.Task[None] | None = None
        try:
            for _ in range(BATCHES):
                rows = await file.reader.read(BATCH)
                taken.rows += len(rows)
                if not rows:
                    taken.ended = True
                    break
                prepared = await self._take_rows.prepare(file.channel, file.mapper, rows)
                taken.accepted += len(prepared.rows)
                taken.refused += prepared.refused
                # While one batch is written the next is being prepared.
                if appending is not None:
                    await appending
                appending = asyncio.create_task(self._append(prepared), name="import-append")
            if appending is not None:
                await appending
        except FileGone:
            raise JobFailed(_GONE) from None
        except NotImportable as error:
            raise JobFailed(f"the file {error}") from None
        finally:
            if appending is not None:
                appending.cancel()
        taken.place = file.reader.place
        return taken

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Keep what was refused, and how far the file was read."""
        taken: Taken = worked
        result = job.result or {"accepted": 0, "refused": 0, "refusals_kept": 0, "reasons": {}}
        room = MAX_KEPT_REFUSALS - result["refusals_kept"]
        kept = taken.refused[: max(room, 0)]
        if kept:
            await keep_refusals(unit.connection, self._keyring, UUID(job.params["import_id"]), kept)
        reasons = Counter(result["reasons"])
        reasons.update(one.reason for one in taken.refused)
        result = {
            "accepted": result["accepted"] + taken.accepted,
            "refused": result["refused"] + len(taken.refused),
            "refusals_kept": result["refusals_kept"] + len(kept),
            "reasons": dict(reasons.most_common(MOST_REASONS)),
        }
        done = job.done + taken.rows
        total = done if taken.ended else max(taken.expected, done + 1)
        if taken.ended:
            await self._close(job.job_id)
        return Step(taken.place, done, total, taken.ended, result)

    async def _append(self, prepared: PreparedRows) -> None:
        try:
            await self._take_rows.append(prepared)
        except Unavailable as error:
            # Of the kind that the runner tries again.
            raise ConnectionError(str(error)) from error

    async def _open(self, job: Job) -> _Open:
        file = self._files.get(job.job_id)
        if file is not None and job.cursor is not None and file.reader.place == job.cursor:
            return file
        await self._close(job.job_id)
        while len(self._files) >= OPEN_FILES:
            await self._close(next(iter(self._files)))
        found = await self._store.find(UUID(job.params["import_id"]))
        if found is None:
            raise JobFailed(_GONE)
        document = found.document
        file = _Open(
            open_rows(
                self._store.open(found.import_id, found.size), document.form, document.names, job.cursor
            ),
            RowMapper(document.mapping, document.names, found.import_id),
            Channel(job.params["channel_id"], job.params["channel"], job.params["channel_kind"]),
            document.rows,
        )
        self._files[job.job_id] = file
        return file

    async def _close(self, job_id: UUID) -> None:
        file = self._files.pop(job_id, None)
        if file is not None:
            await file.reader.close()
