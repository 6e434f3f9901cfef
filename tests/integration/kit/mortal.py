"""A database that fails at the worst moments."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from guanxi_kit.db import Database


class Killed(BaseException):
    """What a process does not survive."""


class MortalDatabase(Database):
    """Loses transactions and answers, or kills its user, at a random commit."""

    faults = 0.0
    kills = 0.0

    def __init__(self, pool: asyncpg.Pool, seed: int) -> None:
        super().__init__(pool)
        self._chance = random.Random(seed)

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[asyncpg.Connection]:
        async with super().transaction(**options) as connection:
            yield connection
            self._strike()
        self._strike()

    def _strike(self) -> None:
        if self._chance.random() < self.kills:
            raise Killed
        if self._chance.random() < self.faults:
            raise ConnectionResetError("lost")
