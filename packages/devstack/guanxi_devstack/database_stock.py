"""Databases for tests: copies of templates, made ahead and thrown away in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg

from guanxi_devstack.bootstrap import ROLES, quote_identifier

T = TypeVar("T")

AHEAD = 2


class DatabaseStock:
    """Keeps two copies ready of every template that was ever asked for, so that a test seldom waits for its own.

    Safe to call from any thread; the thread of the event loop that runs the test is blocked for that long.
    """

    def __init__(self, admin_dsn: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._makers = _Connection(admin_dsn)
        self._droppers = _Connection(admin_dsn)
        self._spares: dict[str, deque[asyncio.Task[str]]] = defaultdict(deque)
        self._dropping: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="database-stock", daemon=True)
        self._thread.start()

    def take(self, template: str) -> str:
        """Return the name of a fresh copy of `template`, to which our roles and nobody else may connect."""
        return self._run(self._take(template))

    def give_back(self, name: str) -> None:
        """Throw a copy away, some time later."""
        self._run(self._drop_later(name))

    def close(self) -> None:
        """Throw everything away and end the thread."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _take(self, template: str) -> str:
        spares = self._spares[template]
        while len(spares) <= AHEAD:
            spares.append(asyncio.create_task(self._make(template)))
        return await spares.popleft()

    async def _make(self, template: str) -> str:
        name = f"guanxi_test_{uuid.uuid4().hex}"
        database = quote_identifier(name)
        # A copy of the files costs less than one page by page through the write-ahead log, a fifth of a small test.
        await self._makers.execute(
            f"CREATE DATABASE {database} TEMPLATE {quote_identifier(template)} STRATEGY file_copy"
        )
        # A copy forgets who may connect.
        await self._makers.execute(
            f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;"
            f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {', '.join(ROLES)}"
        )
        return name

    async def _drop_later(self, name: str) -> None:
        task = asyncio.create_task(self._drop(name))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    async def _drop(self, name: str) -> None:
        await self._droppers.execute(f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)")

    async def _close(self) -> None:
        made = await asyncio.gather(*(spare for spares in self._spares.values() for spare in spares))
        for name in made:
            await self._drop_later(name)
        await asyncio.gather(*self._dropping)
        await self._makers.close()
        await self._droppers.close()


class _Connection:
    """One connection, opened when first needed and again after a loss; a statement at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._one = asyncio.Lock()
        self._connection: asyncpg.Connection[Any] | None = None

    async def execute(self, statement: str) -> None:
        async with self._one:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._dsn)
            await self._connection.execute(statement)

    async def close(self) -> None:
        if self._connection is not None:
            with suppress(OSError, asyncpg.PostgresError):
                await self._connection.close()
