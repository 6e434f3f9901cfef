"""`python -m profile_service.adapters.duplicates.search_process`: one search among all customers.

What to do comes in one line of standard input; its end means that the worker is gone. Whatever is read in clear stays
in this process's memory.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.clock import SystemClock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.erasure import erased_among
from guanxi_kit.identifiers import IdentifierRules
from guanxi_kit.packs import load_pack
from profile_service.adapters.duplicates.finding import Findings, find
from profile_service.adapters.duplicates.people_reads import PostgresPeople, Reader
from profile_service.adapters.duplicates.population import Population
from profile_service.adapters.duplicates.search_job import LOCK, SearchOrder, read_progress
from profile_service.adapters.duplicates.store import (
    CUSTOMERS,
    PostgresDuplicateSuggestions,
    PostgresKeys,
    PostgresModels,
)
from profile_service.adapters.duplicates.training import train
from profile_service.adapters.pack_rules import precedence
from profile_service.application.duplicates.ports import Found
from profile_service.application.duplicates.search import Phase
from profile_service.domain.duplicates.comparisons import FREQUENCIES

PAGE_SIZE = 2000
PAIRS_AT_ONCE = 1000
FREQUENT = 20_000
PAGE = """
SELECT profile_id FROM fragment WHERE profile_id > $1 AND customer_id = profile_id AND kind = 'individual'
ORDER BY profile_id LIMIT $2
"""
BEGIN = """
INSERT INTO duplicate_run (job_id, phase) VALUES ($1, 'reading')
ON CONFLICT (job_id) DO UPDATE SET phase = 'reading', done = 0, error = NULL, result = NULL
"""
TELL = "UPDATE duplicate_run SET phase = $2, done = $3, total = $4 WHERE job_id = $1"
END = "UPDATE duplicate_run SET phase = 'done', done = $2, total = $2, result = $3 WHERE job_id = $1"
FAIL = "UPDATE duplicate_run SET error = $2 WHERE job_id = $1"
WANTED = "SELECT state IN ('queued', 'running') FROM job WHERE job_id = $1"
ONE_NOW = """
UPDATE merge_suggestion SET state = 'obsolete', decided_at = $1 FROM fragment AS l, fragment AS r
WHERE state = 'open' AND source = 'duplicate' AND l.profile_id = left_profile_id AND r.profile_id = right_profile_id
  AND (l.customer_id = r.customer_id OR l.customer_id <> l.profile_id OR r.customer_id <> r.profile_id)
"""


class NotWanted(Exception):
    """The job was cancelled."""


class Search:
    """Reads everybody, learns, compares, and keeps what it found."""

    def __init__(self, order: SearchOrder, database: Database, reader: Reader) -> None:
        self._job_id, self._database, self._reader = order.job_id, database, reader
        self._people = Population(threads=order.settings.threads, memory_mb=order.settings.memory_mb)
        self._read = 0
        self._clock = SystemClock()
        self._phase: Phase = "reading"
        self._began = time.monotonic()
        self._seconds: dict[Phase, float] = {}

    async def run(self) -> None:
        """Search once. Raises NotWanted."""
        async with self._database.transaction() as connection:
            await connection.execute(BEGIN, self._job_id)
            total = await connection.fetchval(CUSTOMERS)
        async for page in self._pages():
            await self._take(page)
            await self._tell("reading", max(total, self._read))
        self._people.close_keys()
        await self._tell("learning", self._read)
        model = train(self._people)
        await self._tell("comparing", self._read)
        findings = find(self._people, model)
        await self._tell("keeping", self._read)
        kept = await self._keep(findings)
        await self._end(findings, kept)

    async def _pages(self) -> AsyncIterator[Sequence[UUID]]:
        after = UUID(int=0)
        while True:
            async with self._database.connection() as connection:
                page = [row[0] for row in await connection.fetch(PAGE, after, PAGE_SIZE)]
            if not page:
                return
            yield page
            after = page[-1]

    async def _take(self, customers: Sequence[UUID]) -> None:
        """Read a page of customers, and keep blocking keys of those who have none yet."""
        async with self._database.transaction() as connection:
            await erased_among(connection, customers)
            people = (await PostgresPeople(connection, self._reader).read(customers)).people
            await PostgresKeys(connection, self._reader.keyring).complete(people)
        self._people.add(list(people.items()))
        self._read += len(customers)

    async def _keep(self, findings: Findings) -> int:
        frequent = {
            (column, value): share
            for column in FREQUENCIES
            for value, share in self._people.frequencies(column, FREQUENT)
        }
        kept = 0
        async with self._database.transaction() as connection:
            now = self._clock.now()
            await PostgresModels(connection, self._reader.keyring).learn(findings.model, frequent, now)
            await connection.execute(ONE_NOW, now)
        pairs = sorted(findings.pairs, key=lambda of: (of.left, of.right))
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            kept += await self._keep_some(pairs[start : start + PAIRS_AT_ONCE])
        return kept

    async def _keep_some(self, pairs: Sequence[Found]) -> int:
        """Suggest pairs, but for those that a person ruled out and whoever was merged or erased since."""
        async with self._database.transaction() as connection:
            ids = {each for of in pairs for each in (of.left, of.right)}
            await erased_among(connection, ids)
            suggestions = PostgresDuplicateSuggestions(connection)
            members = await PostgresPeople(connection, self._reader).members(ids)
            refused = await suggestions.ruled_out([(of.left, of.right) for of in pairs])
            asked = [
                of
                for of in pairs
                if of.left in members and of.right in members and (of.left, of.right) not in refused
            ]
            return await suggestions.keep(asked, self._clock.now())

    async def _tell(self, phase: Phase, total: int) -> None:
        """Say how far the search is. Raises NotWanted."""
        self._enter(phase)
        async with self._database.transaction() as connection:
            await connection.execute(TELL, self._job_id, phase, self._read, total)
            if not await connection.fetchval(WANTED, self._job_id):
                raise NotWanted

    def _enter(self, phase: Phase) -> None:
        """Add the time since the last call to the phase that went on."""
        now = time.monotonic()
        self._seconds[self._phase] = round(self._seconds.get(self._phase, 0.0) + now - self._began, 1)
        self._phase, self._began = phase, now

    async def _end(self, findings: Findings, kept: int) -> None:
        self._enter("done")
        result = {
            "customers": self._read,
            "compared": self._people.size,
            "suggestions": kept,
            "threshold": findings.model.threshold,
            "too_common_keys": self._people.too_common,
            "seconds": self._seconds,
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        async with self._database.transaction() as connection:
            await connection.execute(END, self._job_id, self._read, result)


async def search(order: SearchOrder) -> None:
    """Search, or say in the database why not; the reason names where it broke and no value."""
    told = order.settings
    pack = load_pack(Path(told.pack_dir), told.pack)
    rules = IdentifierRules(pack.identifiers, told.region)
    reader = Reader(Keyring.load(order.keyring), precedence(pack), rules)
    database = Database(await open_pool(told.dsn, max=2, application_name="profile-service-duplicates"))
    try:
        async with database.connection() as alone:
            await alone.execute(f"SELECT pg_advisory_lock({LOCK})")
            await _search_once(order, database, reader)
    finally:
        await database.close()


async def _search_once(order: SearchOrder, database: Database, reader: Reader) -> None:
    async with database.connection() as connection:
        progress = await read_progress(connection, order.job_id)
    if progress is not None and progress.result:
        return
    try:
        await Search(order, database, reader).run()
    except (NotWanted, asyncpg.PostgresConnectionError, OSError):
        return
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
        async with database.transaction() as connection:
            await connection.execute(FAIL, order.job_id, reason)


def _leave_with_the_worker() -> None:
    """End at once when standard input ends."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Read what to do, then do it with what the traffic leaves of the processor."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=SearchOrder)
    threading.Thread(target=_leave_with_the_worker, daemon=True).start()
    os.nice(10)
    asyncio.run(search(order))
    os._exit(0)


if __name__ == "__main__":
    main()
