"""Takes away what imports no longer need: files that were taken in, and everything once its time is over."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.db import Database, is_transient
from interaction_service.domain.imports.limits import CHUNKS_KEPT, KEPT, UPLOAD_TIME

PAGE = 256
FULFILLED = """
SELECT f.import_id FROM import_file AS f LEFT JOIN job AS j ON j.job_id = f.job_id
WHERE (j.state IN ('done', 'failed', 'cancelled') OR f.uploaded_at < $1 OR (NOT f.complete AND f.uploaded_at < $2))
  AND EXISTS (SELECT FROM import_chunk AS c WHERE c.import_id = f.import_id)
"""
DROP_CHUNKS = """
DELETE FROM import_chunk WHERE import_id = $1 AND number IN (
    SELECT number FROM import_chunk WHERE import_id = $1 ORDER BY number LIMIT $2
)
"""
EXPIRED = "SELECT import_id FROM import_file WHERE uploaded_at < $1 OR (NOT complete AND uploaded_at < $2)"
DROP_REFUSALS = """
DELETE FROM import_refusal WHERE import_id = $1 AND row_number IN (
    SELECT row_number FROM import_refusal WHERE import_id = $1 ORDER BY row_number LIMIT $2
)
"""
DROP_FILE = "DELETE FROM import_file WHERE import_id = $1"

log = structlog.get_logger(__name__)


class ImportSweeper:
    """A part of a worker process. Several may sweep at once: what one has deleted the others do not find."""

    def __init__(self, database: Database, clock: Clock, *, seconds: float = 60.0) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Sweep now and then until stopped."""
        while not self._stopping.is_set():
            try:
                await self.sweep()
            except Exception as error:
                if not (is_transient(error) or isinstance(error, asyncpg.PostgresError)):
                    raise
                log.warning("imports.not_swept", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    async def sweep(self) -> None:
        """Delete everything that is due, in small transactions."""
        now = self._clock.now()
        abandoned = now - UPLOAD_TIME
        for import_id in await self._ids(FULFILLED, now - CHUNKS_KEPT, abandoned):
            await self._drain(DROP_CHUNKS, import_id)
        for import_id in await self._ids(EXPIRED, now - KEPT, abandoned):
            await self._drain(DROP_REFUSALS, import_id)
            async with self._database.transaction() as connection:
                await connection.execute(DROP_FILE, import_id)

    async def _ids(self, sql: str, *arguments: object) -> list[object]:
        async with self._database.connection() as connection:
            return [row[0] for row in await connection.fetch(sql, *arguments)]

    async def _drain(self, sql: str, import_id: object) -> None:
        while not self._stopping.is_set():
            async with self._database.transaction() as connection:
                status = await connection.execute(sql, import_id, PAGE)
            if int(status.rpartition(" ")[2]) < PAGE:
                return
