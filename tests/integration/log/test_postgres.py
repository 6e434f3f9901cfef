"""The PostgreSQL engine."""

from __future__ import annotations

import pytest

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.log.postgres.schema import install
from tests.integration.log.behaviour import (
    AppendBehaviour,
    GroupBehaviour,
    PositionBehaviour,
    TakeoverBehaviour,
)
from tests.integration.log.harness import Engine, LogAddress, RealEngine


class TestPostgres(AppendBehaviour, PositionBehaviour, GroupBehaviour, TakeoverBehaviour):
    """With the application's role only; the owner's role installs."""

    @pytest.fixture
    async def engine(self, database_dsns: DatabaseDsns) -> Engine:
        await install(database_dsns.log_owner)
        return RealEngine(LogAddress("postgres", database_dsns.log))
