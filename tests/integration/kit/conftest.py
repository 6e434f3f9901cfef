"""What tests of jobs share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.integration.kit.jobs_at_work import EFFECT, Jobs
from tests.integration.kit.mortal import MortalDatabase

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.consumer import KIT_TABLES
from guanxi_kit.db import open_pool
from guanxi_kit.jobs import store
from guanxi_kit.jobs.schema import JOB_TABLE


@pytest.fixture
def never_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job goes on however many processes it has lost: chance may kill them at one step again and again."""
    monkeypatch.setattr(store, "MOST_CRASHES", 1_000_000)


@pytest.fixture
async def jobs(database_dsns: DatabaseDsns) -> AsyncIterator[Jobs]:
    owner = await asyncpg.connect(database_dsns.owner["scoring"])
    await owner.execute((KIT_TABLES + JOB_TABLE + EFFECT).format(schema="scoring"))
    await owner.close()
    pool = await open_pool(database_dsns.app["scoring"], max=6, application_name="test")
    yield Jobs(MortalDatabase(pool, seed=11))
    await pool.close()
