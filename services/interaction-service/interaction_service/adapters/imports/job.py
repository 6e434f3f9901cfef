"""The job that takes an uploaded file in: some thousand rows a step, each step kept with its place in the file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.jobs import Job, JobFailed, Step
from guanxi_kit.packs import Pack
from interaction_service.adapters.imports.batches import Batch, PrepareHere, Preparing, Ready
from interaction_service.adapters.imports.file_store import FileGone, FileStore
from interaction_service.adapters.imports.opening import open_rows
from interaction_service.adapters.imports.read_ahead import ReadAhead
from interaction_service.adapters.imports.refusals import keep_refusals
from interaction_service.adapters.imports.row_processes import ProcessDied, RowProcesses
from interaction_service.adapters.touchpoint_log import EventLog
from interaction_service.application.imports.document import Import
from interaction_service.application.imports.ports import Row
from interaction_service.application.imports.prepare_rows import RefusedRow
from interaction_service.application.making import make_prepare_rows
from interaction_service.application.ports import Channel, Unavailable
from interaction_service.domain.imports.limits import MAX_KEPT_REFUSALS
from interaction_service.domain.imports.sniffing import NotImportable

KIND = "import_rows"
BATCHES = 4
"""How many batches a step takes in."""
SMALL = 5_000
"""Rows that the worker prepares by itself: that is done before a process has started."""
MOST_DEATHS = 5
"""Times that processes may end in the middle of the same rows before it is the rows' fault."""
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
    rows: ReadAhead
    expected: int


class ImportRows:
    """Handles the job. The cursor is a place in the file; a file stays open from step to step in one process.

    Rows of all but small files are prepared in processes of their own (see RowProcesses).
    """

    def __init__(
        self, database: Database, keyring: Keyring, log: EventLog, clock: Clock, *, pack: Pack, region: str
    ) -> None:
        self._keyring = keyring
        self._store = FileStore(database, keyring)
        self._log = log
        self._clock = clock
        self._here = PrepareHere(make_prepare_rows(keyring, pack, region))
        self._processes = RowProcesses(keyring, pack, region)
        self._files: dict[UUID, _Open] = {}
        self._deaths: Counter[UUID] = Counter()

    async def work(self, job: Job) -> Taken:
        """Read rows and make them durable. What a crash leaves uncounted is done again, to no effect.

        How far a file was read and what the log has of it cannot commit together. A row's message has the same id each
        time, so that a repeat is dropped by the first consumer.
        """
        try:
            file = await self._open(job)
            return await self._take(file)
        except FileGone:
            raise JobFailed(_GONE) from None
        except NotImportable as error:
            raise JobFailed(f"the file {error}") from None
        except ProcessDied:
            self._deaths[job.job_id] += 1
            if self._deaths[job.job_id] < MOST_DEATHS:
                raise
            raise JobFailed(f"{MOST_DEATHS} processes ended in the middle of its next rows") from None

    async def _take(self, file: _Open) -> Taken:
        taken = Taken(expected=file.expected)
        appending: asyncio.Task[None] | None = None
        try:
            for _ in range(BATCHES):
                batch = await file.rows.take()
                if batch is None:
                    taken.ended = True
                    break
                rows, ready = batch
                taken.rows += rows
                taken.accepted += len(ready.events)
                taken.refused += ready.refused
                # While one batch is written the next is read.
                if appending is not None:
                    await appending
                appending = asyncio.create_task(self._append(ready), name="import-append")
            if appending is not None:
                await appending
        finally:
            if appending is not None:
                appending.cancel()
        taken.place = file.rows.place
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
        self._deaths.pop(job.job_id, None)
        done = job.done + taken.rows
        total = done if taken.ended else max(taken.expected, done + 1)
        if taken.ended:
            await self._close(job.job_id)
        return Step(taken.place, done, total, taken.ended, result)

    async def close(self) -> None:
        """Let go of files and processes."""
        for job_id in list(self._files):
            await self._close(job_id)
        await self._processes.close()

    async def _append(self, ready: Ready) -> None:
        if not ready.events:
            return
        try:
            await self._log.append_encoded(ready.events)
        except Unavailable as error:
            # Of the kind that the runner tries again.
            raise ConnectionError(str(error)) from error

    async def _open(self, job: Job) -> _Open:
        file = self._files.get(job.job_id)
        if file is not None and job.cursor is not None and file.rows.place == job.cursor:
            return file
        await self._close(job.job_id)
        while len(self._files) >= OPEN_FILES:
            await self._close(next(iter(self._files)))
        found = await self._store.find(UUID(job.params["import_id"]))
        if found is None:
            raise JobFailed(_GONE)
        channel = Channel(job.params["channel_id"], job.params["channel"], job.params["channel_kind"])
        file = self._files[job.job_id] = self._open_file(found, channel, job.cursor)
        return file

    def _open_file(self, found: Import, channel: Channel, cursor: Any) -> _Open:
        document = found.document
        stored = self._store.open(found.import_id, found.size)
        reader = open_rows(stored, document.form, document.names, cursor)
        small = document.rows <= SMALL
        preparing: Preparing = self._here if small else self._processes

        def prepare(rows: Sequence[Row]) -> Awaitable[Ready]:
            read_at = self._clock.now()
            return preparing.prepare(
                Batch(found.import_id, document.mapping, document.names, channel, read_at, rows)
            )

        # One batch in the hands of each process and one in its reach.
        return _Open(ReadAhead(reader, prepare, 1 if small else 2 * self._processes.most), document.rows)

    async def _close(self, job_id: UUID) -> None:
        file = self._files.pop(job_id, None)
        if file is not None:
            await file.rows.close()
