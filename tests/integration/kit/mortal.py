"""A database that fails at the worst moments."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.db import Database, open_pool
from guanxi_kit.jobs import JobRunner


class Killed(BaseException):
    """What a process does not survive."""


class MortalDatabase(Database):
    """Loses transactions and answers (`faults`), or kills its user (`kills`), at commits.

    Of each ten moments one is for either; which, chance decides. So a test meets as many as its work takes, whatever
    the seed and however often its loops look for work meanwhile.
    """

    faults = False
    kills = False

    def __init__(self, pool: asyncpg.Pool, seed: int) -> None:
        super().__init__(pool)
        self._chance = random.Random(seed)
        self._ahead: list[str] = []

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[asyncpg.Connection]:
        async with super().transaction(**options) as connection:
            yield connection
            self._strike()
        self._strike()

    def _strike(self) -> None:
        if not self._ahead:
            self._ahead = ["kill", "fault", *[""] * 8]
            self._chance.shuffle(self._ahead)
        match self._ahead.pop():
            case "kill" if self.kills:
                raise Killed
            case "fault" if self.faults:
                raise ConnectionResetError("lost")


@asynccontextmanager
async def mortal_database(
    dsns: DatabaseDsns, *tables: str, seed: int, connections: int
) -> AsyncIterator[MortalDatabase]:
    """Lend the application's database, once its owner has made these tables; their schema stands as `{schema}`."""
    owner = await asyncpg.connect(dsns.owner["scoring"])
    for statements in tables:
        await owner.execute(statements.format(schema="scoring"))
    await owner.close()
    pool = await open_pool(dsns.app["scoring"], max=connections, application_name="test")
    yield MortalDatabase(pool, seed)
    await pool.close()


async def run_until_killed(runner: JobRunner) -> bool:
    """Run a runner until it is stopped or killed; tell whether it was killed."""
    try:
        await runner.run()
    except Killed:
        return True
    return False
