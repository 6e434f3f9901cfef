"""Compares customers soon after they changed, beside the traffic."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import asyncpg

from guanxi_kit.clock import Clock
from guanxi_kit.db import Database, is_transient
from guanxi_kit.erasure import erased_among
from guanxi_kit.logging import get_logger
from profile_service.adapters.duplicates.dialects import compare
from profile_service.adapters.duplicates.people_reads import PostgresPeople, Reader
from profile_service.adapters.duplicates.store import (
    PostgresDuplicateSuggestions,
    PostgresKeys,
    PostgresModels,
)
from profile_service.application.duplicates.suggest import SuggestDuplicates

BATCH = 40
# Two at a time would each miss what the other is about to write.
ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('profile.duplicates', 0))"
DUE = "SELECT seq, customer_id FROM duplicate_due ORDER BY seq LIMIT $1"
DONE = "DELETE FROM duplicate_due WHERE seq = ANY($1::bigint[])"
_log = get_logger("profile.duplicates")


class DuplicateWatch:
    """A part of the worker process. After a batch it rests as long as that took; what fails is tried again."""

    def __init__(
        self, database: Database, reader: Reader, clock: Clock, *, poll_seconds: float = 1.0
    ) -> None:
        self._database, self._reader, self._clock = database, reader, clock
        self._poll_seconds = poll_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Compare whoever is due until stopped."""
        while not self._stopping.is_set():
            pause = self._poll_seconds
            try:
                began = time.monotonic()
                if await self.compare_due() == BATCH:
                    pause = time.monotonic() - began
            except Exception as error:
                # A database that is not migrated yet answers with an error of its own: it will be.
                if not (is_transient(error) or isinstance(error, asyncpg.PostgresError)):
                    raise
                _log.warning("duplicates.retried", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return after the batch in hand."""
        self._stopping.set()

    async def compare_due(self) -> int:
        """Compare a batch of those that are due; return how many that were, 0 while another process does so."""
        async with self._database.transaction() as connection:
            if not await connection.fetchval(ALONE):
                return 0
            due = await connection.fetch(DUE, BATCH)
            if due:
                customers = {row["customer_id"] for row in due}
                # Nobody is erased between what is read here and what is kept of it.
                await erased_among(connection, customers)
                await suggesting(connection, self._reader)(customers, self._clock.now())
                await connection.execute(DONE, [row["seq"] for row in due])
        return len(due)


def suggesting(connection: asyncpg.Connection[Any], reader: Reader) -> SuggestDuplicates:
    """Return the command on one connection."""
    return SuggestDuplicates(
        PostgresPeople(connection, reader),
        PostgresKeys(connection, reader.keyring),
        PostgresModels(connection, reader.keyring),
        PostgresDuplicateSuggestions(connection),
        compare,
    )
