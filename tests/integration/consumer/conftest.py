"""Two stages, for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.log.factory import open_admin
from guanxi_kit.log.port import TopicSpec

from .stages import PARTITIONS, LogSettings, Stage


@pytest.fixture
async def first(database_dsns: DatabaseDsns) -> AsyncIterator[Stage]:
    admin = open_admin(LogSettings(database_dsns.log_owner))
    await admin.start()
    await admin.create_topics([TopicSpec(name, PARTITIONS, 7) for name in ("numbers", "doubled")])
    await admin.stop()
    stage = Stage(database_dsns, "profile", "numbers", "doubled")
    await stage.create()
    yield stage
    await stage.close()


@pytest.fixture
async def second(database_dsns: DatabaseDsns, first: Stage) -> AsyncIterator[Stage]:
    stage = Stage(database_dsns, "scoring", "doubled", None)
    await stage.create()
    yield stage
    await stage.close()
