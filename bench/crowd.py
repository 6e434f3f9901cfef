"""Many synthetic people in a database of their own, searched for duplicates as the worker does it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import psutil

from bench.fresh import fresh_schema
from bench.people import Shape, records
from guanxi_devstack.topology import REPOSITORY
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.jobs import Job, JobFailed, read_job, submit_job
from guanxi_kit.settings import ServiceSettings
from profile_service.adapters.duplicates.search_job import DuplicateSearch, SearchSettings
from profile_service.adapters.vault import trait_aad
from profile_service.application.duplicates.search import SEARCH

PAGE = 5000
MEMORY_MB = 8192


async def search_crowd(size: int) -> dict[str, Any]:
    """Return seconds, memory, precision and recall of one search among `size` people."""
    async with fresh_schema("profile") as fresh:
        return await _search(fresh.settings, size)


async def _search(settings: ServiceSettings, size: int) -> dict[str, Any]:
    database = Database(await open_pool(settings.database_dsn(), application_name="bench"))
    keyring = Keyring.generate()
    try:
        began = time.perf_counter()
        people = await _fill(database, keyring, size)
        filled = time.perf_counter() - began
        order = SearchSettings(
            settings.database_dsn(), str(REPOSITORY / "packs"), "services", "CN", 2, MEMORY_MB
        )
        with _peak_memory() as peak:
            result = await _run(DuplicateSearch(database, keyring, order), database)
        found = await database.pool.fetch("SELECT left_profile_id, right_profile_id FROM merge_suggestion")
        right = sum(people[left] == people[other] for left, other in found)
        return result | {
            "people": size,
            "precision": round(right / max(len(found), 1), 4),
            "recall": round(right / max(_true_pairs(people), 1), 4),
            "memory_with_database_mb": peak[0],
            "fill_seconds": round(filled, 1),
        }
    finally:
        await database.close()


async def _fill(database: Database, keyring: Keyring, size: int) -> dict[UUID, int]:
    """Store people as customers of one fragment each; return who each customer is."""
    people: dict[UUID, int] = {}
    told = records(size, Shape(chance=random.Random(11)))
    now = datetime.now(UTC)
    while page := list(islice(told, min(PAGE, size - len(people)))):
        ids = [UUID(int=len(people) + place + 1) for place in range(len(page))]
        people.update((number, person) for number, (person, _) in zip(ids, page, strict=True))
        async with database.transaction() as connection:
            await _copy(connection, "fragment", ["profile_id", "customer_id", "version", "founded_at"],
                        [(n, n, 1, now) for n in ids])  # fmt: skip
            await _copy(connection, "customer", ["customer_id", "customer_number", "created_at"],
                        [(n, f"C{n.int}", now) for n in ids])  # fmt: skip
            await _copy(
                connection,
                "trait_source",
                ["profile_id", "name", "channel", "sealed", "occurred_at", "recorded_at", "touchpoint_id",
                 "since_at", "since_touchpoint_id"],
                [
                    (n, name, "web", keyring.seal(msgspec.json.encode(value), trait_aad(n, name)), now, now, n, now, n)
                    for n, (_, traits) in zip(ids, page, strict=True)
                    for name, value in traits.items()
                ],
            )  # fmt: skip
    await database.pool.execute("INSERT INTO totals VALUES ('bench', 0, $1, 0)", len(people))
    await database.pool.execute("ANALYZE")
    return people


async def _copy(
    connection: asyncpg.Connection[Any], table: str, columns: list[str], rows: list[tuple[Any, ...]]
) -> None:
    await connection.copy_records_to_table(table, columns=columns, records=rows)


async def _run(search: DuplicateSearch, database: Database) -> dict[str, Any]:
    """Follow a search to its end, as the job runner does."""
    async with database.transaction() as connection:
        job_id = await submit_job(connection, SEARCH, {}, requested_by="bench", now=datetime.now(UTC))
        await connection.execute("UPDATE job SET state = 'running' WHERE job_id = $1", job_id)
        job = await read_job(connection, job_id)
    assert isinstance(job, Job)
    while True:
        progress = await search.work(job)
        if progress is not None and progress.error:
            raise JobFailed(progress.error)
        if progress is not None and progress.result:
            return progress.result


def _true_pairs(people: dict[UUID, int]) -> int:
    counts: dict[int, int] = {}
    for person in people.values():
        counts[person] = counts.get(person, 0) + 1
    return sum(count * (count - 1) // 2 for count in counts.values())


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Yield a list whose only item is the most that this process and its children (the database, too) held, in MB.

    Pages that processes share count for each process they are in parts (PSS).
    """
    peak = [0]
    watching = asyncio.create_task(_watch(peak), name=f"memory-{uuid4()}")
    try:
        yield peak
    finally:
        watching.cancel()


async def _watch(peak: list[int]) -> None:
    while True:
        held = await asyncio.to_thread(_held)
        peak[0] = max(peak[0], held)
        await asyncio.sleep(2.0)


def _held() -> int:
    held = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            held += process.memory_full_info().pss
        except psutil.Error:
            continue
    return held // 2**20
