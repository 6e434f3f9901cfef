"""What tests of jobs share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.integration.kit.jobs_at_work import EFFECT, Jobs
from tests.integration.kit.mortal import mortal_database

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.consumer import KIT_TABLES
from guanxi_kit.jobs import store
from guanxi_kit.jobs.schema import JOB_TABLE


@pytest.fixture
def never_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job goes on however many processes it has lost: chance may kill them at one step again and again."""
    monkeypatch.setattr(store, "MOST_CRASHES", 1_000_000)


@pytest.fixture
async def jobs(database_dsns: DatabaseDsns) -> AsyncIterator[Jobs]:
    tables = KIT_TABLES + JOB_TABLE + EFFECT
    async with mortal_database(database_dsns, tables, seed=11, connections=6) as database:
        yield Jobs(database)
