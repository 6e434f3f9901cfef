"""The whole platform as processes, started once for each engine of the event log."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from guanxi_devstack.bootstrap import create_database
from guanxi_devstack.brokers import Tansu
from guanxi_devstack.pytest_plugin import DatabaseServer, run_apart
from guanxi_devstack.topology import WorldOptions
from guanxi_devstack.world import World

PARTITIONS = 4


@pytest.fixture(scope="session", params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
def world_options(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, database_server: DatabaseServer
) -> Iterator[WorldOptions]:
    """Options of a platform with a database of its own, on one engine of the event log."""
    folder = tmp_path_factory.mktemp(f"world-{request.param}")
    database = f"guanxi_{folder.name.replace('-', '_')}_{os.getpid()}"
    run_apart(lambda: create_database(database_server.admin, database))
    dsn = database_server.dsns(database).admin
    if request.param == "postgres":
        yield WorldOptions(folder, base_port=None, partitions=PARTITIONS, database_url=dsn)
        return
    outside = os.environ.get("GUANXI_KAFKA_BOOTSTRAP")
    if outside:
        yield WorldOptions(folder, base_port=None, database_url=dsn, kafka_bootstrap=outside)
        return
    broker = Tansu(folder / "broker")
    broker.start()
    try:
        yield WorldOptions(
            folder,
            base_port=None,
            partitions=PARTITIONS,
            database_url=dsn,
            kafka_bootstrap=broker.bootstrap,
            # This broker knows no idempotent producer; repeats are dropped further on.
            settings={"GUANXI_KAFKA_IDEMPOTENCE": "false"},
        )
    finally:
        broker.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(world_options: WorldOptions) -> AsyncIterator[World]:
    """A platform with every process ready."""
    async with World(world_options) as world:
        yield world
