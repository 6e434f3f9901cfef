"""A really running ingest API: the interaction-service's api process over the PostgreSQL event log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr

from guanxi_contracts.catalog import TOPICS, TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_devstack.database_stock import DatabaseStock
from guanxi_devstack.ports import find_free_port
from guanxi_devstack.pytest_plugin import DatabaseDsns, DatabaseServer, run_apart
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.factory import open_admin, open_reader
from guanxi_kit.log.port import TopicPartition, TopicSpec
from guanxi_kit.testing import StaffIdentity
from interaction_service.adapters.channels import add_channel
from interaction_service.settings import InteractionSettings

PACKS = Path(__file__).parents[3] / "packs"
WRITE_KEY = "sdk-test-write-key-01"
START_SECONDS = 30.0


@dataclass(frozen=True)
class IngestApi:
    """Where the api listens, and what it made durable since the test began."""

    url: str
    settings: InteractionSettings
    keyring: Keyring
    since: Mapping[TopicPartition, int]

    def received(self) -> list[TouchpointReceivedV1]:
        """Read what came to touchpoint.received meanwhile."""
        return run_apart(self._read)

    def opened(self, touchpoint: TouchpointReceivedV1) -> Any:
        """Return the content under a touchpoint's seal."""
        return msgspec.json.decode(self.keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))

    async def _read(self) -> list[TouchpointReceivedV1]:
        reader = open_reader(self.settings)
        await reader.start()
        try:
            end = await reader.end_offsets(list(self.since))
            total = sum(end[where] - offset for where, offset in self.since.items())
            await reader.assign(self.since)
            found: list[TouchpointReceivedV1] = []
            while len(found) < total:
                for records in (await reader.poll(max_records=500, timeout=5)).values():
                    found += [TOUCHPOINT_RECEIVED.decode(record.value).data for record in records]
            return found
        finally:
            await reader.stop()


@pytest.fixture
def ingest(running_api: IngestApi) -> IngestApi:
    """The running api, and where the topic stands now."""
    return replace(running_api, since=run_apart(lambda: _topic_ends(running_api.settings)))


@pytest.fixture(scope="session")
def running_api(
    database_server: DatabaseServer,
    database_stock: DatabaseStock,
    migrated_template: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[IngestApi]:
    """The api as a process, started once."""
    database_dsns = database_server.dsns(database_stock.take(migrated_template("interaction")))
    keyring = Keyring.generate()
    jwks = StaffIdentity().write_jwks(tmp_path_factory.mktemp("sdk") / "jwks.json")
    port = find_free_port()
    environment = {
        "GUANXI_DATABASE_URL": database_dsns.app["interaction"],
        "GUANXI_LOG_URL": database_dsns.log,
        "GUANXI_KEYRING": keyring.to_json(),
        "GUANXI_JWKS_FILE": str(jwks),
        "GUANXI_PACK_DIR": str(PACKS),
        "GUANXI_PORT": str(port),
    }
    settings = database_dsns.settings(InteractionSettings, "interaction")
    run_apart(lambda: _prepare(settings, database_dsns))
    command = [sys.executable, "-m", "interaction_service", "api"]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_ready(url, process)
        yield IngestApi(url, settings, keyring, {})
    finally:
        process.terminate()
        assert process.wait(30) == 0
        database_stock.give_back(database_dsns.name)


async def _prepare(settings: InteractionSettings, dsns: DatabaseDsns) -> None:
    admin = open_admin(settings.model_copy(update={"log_url": SecretStr(dsns.log_owner)}))
    await admin.start()
    await admin.create_topics([TopicSpec(topic.name, 3, topic.retention_days) for topic in TOPICS])
    await admin.stop()
    database = Database(await open_pool(settings.database_dsn(), application_name="test"))
    await add_channel(database, name="sdk", kind="web", write_key=WRITE_KEY)
    await database.close()


async def _topic_ends(settings: InteractionSettings) -> Mapping[TopicPartition, int]:
    reader = open_reader(settings)
    await reader.start()
    try:
        return await reader.end_offsets(await reader.partitions(TOUCHPOINT_RECEIVED_TOPIC.name))
    finally:
        await reader.stop()


def _wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the api ended at its start"
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("the api was not ready in time")
