"""A really running ingest API: the interaction-service's api process over the PostgreSQL event log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr

from guanxi_contracts.catalog import TOPICS, TOUCHPOINT_RECEIVED_TOPIC
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TouchpointReceivedV1
from guanxi_devstack.ports import find_free_port
from guanxi_devstack.pytest_plugin import DatabaseDsns, run_apart
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.factory import open_admin, open_reader
from guanxi_kit.log.port import TopicSpec
from guanxi_kit.testing import StaffIdentity
from interaction_service.adapters.channels import add_channel
from interaction_service.main import SERVICE, migrate
from interaction_service.settings import InteractionSettings

PACKS = Path(__file__).parents[3] / "packs"
WRITE_KEY = "sdk-test-write-key-01"
START_SECONDS = 30.0


@dataclass(frozen=True)
class IngestApi:
    """Where the api listens, and what it made durable."""

    url: str
    settings: InteractionSettings
    keyring: Keyring

    def received(self) -> list[TouchpointReceivedV1]:
        """Read everything on touchpoint.received."""
        return run_apart(self._read)

    def opened(self, touchpoint: TouchpointReceivedV1) -> Any:
        """Return the content under a touchpoint's seal."""
        return msgspec.json.decode(self.keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))

    async def _read(self) -> list[TouchpointReceivedV1]:
        reader = open_reader(self.settings)
        await reader.start()
        try:
            positions = await reader.partitions(TOUCHPOINT_RECEIVED_TOPIC.name)
            total = sum((await reader.end_offsets(positions)).values())
            await reader.assign(dict.fromkeys(positions, 0))
            found: list[TouchpointReceivedV1] = []
            while len(found) < total:
                for records in (await reader.poll(max_records=500, timeout=5)).values():
                    found += [TOUCHPOINT_RECEIVED.decode(record.value).data for record in records]
            return found
        finally:
            await reader.stop()


@pytest.fixture
def ingest(database_dsns: DatabaseDsns, tmp_path: Path) -> Iterator[IngestApi]:
    keyring = Keyring.generate()
    jwks = StaffIdentity().write_jwks(tmp_path / "jwks.json")
    port = find_free_port()
    environment = {
        "GUANXI_DATABASE_URL": database_dsns.app["interaction"],
        "GUANXI_LOG_URL": database_dsns.log,
        "GUANXI_KEYRING": keyring.to_json(),
        "GUANXI_JWKS_FILE": str(jwks),
        "GUANXI_PACK_DIR": str(PACKS),
        "GUANXI_PORT": str(port),
    }
    settings = InteractionSettings.load(
        service=SERVICE,
        database_url=database_dsns.app["interaction"],
        database_owner_url=database_dsns.owner["interaction"],
        log_url=database_dsns.log,
    )
    run_apart(lambda: _prepare(settings, database_dsns))
    command = [sys.executable, "-m", "interaction_service", "api"]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_ready(url, process)
        yield IngestApi(url, settings, keyring)
    finally:
        process.terminate()
        assert process.wait(30) == 0


async def _prepare(settings: InteractionSettings, dsns: DatabaseDsns) -> None:
    await migrate(settings)
    admin = open_admin(settings.model_copy(update={"log_url": SecretStr(dsns.log_owner)}))
    await admin.start()
    await admin.create_topics([TopicSpec(topic.name, 3, topic.retention_days) for topic in TOPICS])
    await admin.stop()
    database = Database(await open_pool(settings.database_dsn(), application_name="test"))
    await add_channel(database, name="sdk", kind="web", write_key=WRITE_KEY)
    await database.close()


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
