"""Something that every process knows by heart: read as a whole, anew every few seconds, and asked without waiting."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import asyncpg
import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import SealBroken
from guanxi_kit.db import Database, is_transient
from interaction_service.application.ports import Unavailable

REFRESH_SECONDS = 10.0
MISS_SECONDS = 1.0
LOAD_SECONDS = 2.0

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R")
Connection: TypeAlias = "asyncpg.Connection[Any]"
_log = structlog.get_logger(__name__)


class Directory(ABC, Generic[K, V, R]):
    """Entries by their keys, read anew every REFRESH_SECONDS in the background.

    A database that is away takes nothing away that is known. A key that is not known is looked for in the database
    before it is turned away, at most once in MISS_SECONDS: senders throw away what is turned away.
    """

    def __init__(self, name: str, db: Database, clock: Clock) -> None:
        self._name = name
        self._db = db
        self._clock = clock
        self._entries: Mapping[K, V] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    @abstractmethod
    async def _read(self, connection: Connection) -> Sequence[R]:
        """Return what entries are made of."""

    @abstractmethod
    def _made(self, read: Sequence[R]) -> Mapping[K, V]:
        """Return the entries, whose making takes no time from the reading."""

    async def entry(self, key: K) -> V | None:
        """Return the entry of a key. Raises Unavailable when the database is needed and away."""
        found = self._entries.get(key)
        now = self._clock.monotonic()
        if found is None and now - self._read_at >= MISS_SECONDS:
            await self.load()
            found = self._entries.get(key)
        elif now - self._tried_at >= REFRESH_SECONDS and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._refresh_quietly(), name=self._name)
        return found

    async def load(self, *, anyway: bool = False) -> None:
        """Read the entries, unless (without `anyway`) that was done a moment ago.

        Raises Unavailable, at once when it just failed.
        """
        async with self._reading:
            now = self._clock.monotonic()
            if not anyway:
                if now - self._read_at < MISS_SECONDS:
                    return
                if now - self._tried_at < MISS_SECONDS:
                    raise Unavailable(f"the {self._name} cannot be read")
            self._tried_at = now
            try:
                async with asyncio.timeout(LOAD_SECONDS), self._db.connection() as connection:
                    read = await self._read(connection)
            except Exception as error:
                if not (is_transient(error) or isinstance(error, SealBroken)):
                    raise
                raise Unavailable(f"the {self._name} cannot be read") from error
            self._entries = self._made(read)
            self._read_at = now

    async def check(self) -> None:
        """Raise Unavailable unless the entries were read at least once (readiness)."""
        if self._read_at == float("-inf"):
            await self.load()

    async def _refresh_quietly(self) -> None:
        try:
            await self.load()
        except Unavailable:
            seconds = round(self._clock.monotonic() - self._read_at)
            _log.warning("directory.stale", directory=self._name, seconds=seconds)
