"""The whole platform in this process, for what operators do with it: its services, its workers and its gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from typer.testing import CliRunner, Result

import guanxi_gateway.main
import interaction_service.main
import notification_service.main
import profile_service.main
import scoring_service.main
from guanxi_cli.app import app as guanxi
from guanxi_contracts.catalog import TOPICS
from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_gateway.settings import GatewaySettings
from guanxi_kit.app.server import HttpServer
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.log.factory import open_admin
from guanxi_kit.log.port import TopicSpec
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import ManualClock, StaffIdentity, eventually
from interaction_service.adapters.channels import add_channel
from interaction_service.settings import InteractionSettings
from notification_service.settings import NotificationSettings
from profile_service.settings import ProfileSettings
from scoring_service.settings import ScoringSettings

PACKS = Path(__file__).parents[3] / "packs"
WRITE_KEY = "operators-test-write-key"
MAINS: dict[str, Any] = {
    "profile": profile_service.main,
    "interaction": interaction_service.main,
    "scoring": scoring_service.main,
    "notification": notification_service.main,
}
SETTINGS: dict[str, type[ServiceSettings]] = {
    "profile": ProfileSettings,
    "interaction": InteractionSettings,
    "scoring": ScoringSettings,
    "notification": NotificationSettings,
}


class Platform:
    """Services on ports of their own and a keyring file that all of them read."""

    def __init__(self, dsns: DatabaseDsns, folder: Path, clock: ManualClock) -> None:
        self.dsns, self.folder, self.clock = dsns, folder, clock
        self.staff = StaffIdentity(clock)
        self.keyring_file = folder / "keyring.json"
        Keyring.generate().save(self.keyring_file)
        self.common: dict[str, Any] = {
            "jwks_file": self.staff.write_jwks(folder / "jwks.json"),
            "pack_dir": PACKS,
            "port": 0,
        }
        self.urls: dict[str, str] = {}
        self.url = ""

    @property
    def keyring(self) -> Keyring:
        """The keys as the file has them now."""
        return Keyring.load(self.keyring_file)

    def settings(self, service: str) -> Any:
        own: dict[str, Any] = {}
        if service == "notification":
            own = {
                "mailbox_dir": self.folder / "mail",
                "profile_url": self.urls.get("profile", "http://[::1]:1"),
            }
        return self.dsns.settings(
            SETTINGS[service],
            service,
            keyring_file=self.keyring_file,
            service_token=self.staff.token("service"),
            **self.common,
            **own,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve the api of every service, and the gateway."""
        async with AsyncExitStack() as stack:
            for service in SERVICES:
                settings = self.settings(service)
                app = MAINS[service].make_api(settings, self.clock)
                self.urls[service] = await stack.enter_async_context(_served(app, settings))
            urls = {f"{service}_url": url for service, url in self.urls.items()}
            gateway = GatewaySettings.load(
                service="gateway", log_engine="postgres", log_url=self.dsns.log, **self.common, **urls
            )
            app = guanxi_gateway.main.make_api(gateway, clock=self.clock)
            self.url = await stack.enter_async_context(_served(app, gateway))
            yield

    @asynccontextmanager
    async def working(self, *services: str) -> AsyncIterator[None]:
        """Run the workers of these services (of all when none is named)."""
        async with AsyncExitStack() as stack:
            for service in services or SERVICES:
                await stack.enter_async_context(self._worker(service))
            yield

    @asynccontextmanager
    async def _worker(self, service: str) -> AsyncIterator[None]:
        async with MAINS[service].make_worker(self.settings(service), self.clock) as process:
            tasks = [asyncio.create_task(part.run()) for part in process.parts]
            yield
            for part, task in zip(process.parts, tasks, strict=True):
                await part.stop()
                await task

    def client(self, role: Any = "admin") -> Any:
        """A client of the gateway."""
        return make_client(self.url, token=self.staff.token(role), timeout=60)

    async def guanxi(self, *arguments: str) -> Result:
        """Run the command line as an administrator."""
        environment = {"GUANXI_URL": self.url, "GUANXI_TOKEN": self.staff.token("admin"), "COLUMNS": "200"}
        return await asyncio.to_thread(CliRunner().invoke, guanxi, list(arguments), env=environment)

    async def send(self, client: HttpClient, *messages: dict[str, Any]) -> None:
        """Hand messages in as a channel does."""
        answer = await client.post("/v1/batch", json={"batch": list(messages)}, auth=(WRITE_KEY, ""))
        assert answer.json()["accepted"] == len(messages), answer.text


@asynccontextmanager
async def _served(app: FastAPI, settings: ServiceSettings) -> AsyncIterator[str]:
    server = HttpServer(app, settings)
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started or task.done())
    try:
        yield f"http://{settings.host}:{server.port}"
    finally:
        server.stop()
        await task


@pytest.fixture
async def prepared(migrated_dsns: Callable[..., DatabaseDsns], tmp_path: Path) -> Platform:
    """A platform that is there but does not serve yet."""
    dsns = migrated_dsns(*SERVICES)
    platform = Platform(dsns, tmp_path, ManualClock())
    settings = platform.settings("interaction")
    admin = open_admin(settings.model_copy(update={"log_url": SecretStr(dsns.log_owner)}))
    await admin.start()
    await admin.create_topics([TopicSpec(topic.name, 2, topic.retention_days) for topic in TOPICS])
    await admin.stop()
    database = Database(await open_pool(settings.database_dsn(), application_name="test"))
    await add_channel(database, name="web", kind="web", write_key=WRITE_KEY)
    await database.close()
    return platform


@pytest.fixture
async def platform(prepared: Platform) -> AsyncIterator[Platform]:
    """A platform that serves; its workers work when told to."""
    async with prepared.serving():
        yield prepared
