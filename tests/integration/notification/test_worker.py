"""The worker process's parts on the real event log: from a first purchase to a mail and message.sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi import Request as HttpRequest

from guanxi_contracts.catalog import MESSAGE_SENT_TOPIC, TOPICS, TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.message import MESSAGE_SENT
from guanxi_contracts.touchpoint import TOUCHPOINT_RESOLVED
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.app import create_app
from guanxi_kit.app.server import HttpServer
from guanxi_kit.crypto import Keyring
from guanxi_kit.log.factory import open_admin, open_producer, open_reader
from guanxi_kit.log.port import Outgoing, TopicSpec
from guanxi_kit.settings import SettingsError
from guanxi_kit.testing import StaffIdentity, eventually
from notification_service.main import make_worker
from notification_service.settings import NotificationSettings

from .conftest import NOW, PACKS, Notification, touchpoint


def profile_service(settings: NotificationSettings, token: str) -> FastAPI:
    app = create_app("profile", settings)

    @app.post("/v1/contacts")
    async def contacts(request: HttpRequest) -> dict[str, object]:
        assert request.headers["authorization"] == f"Bearer {token}"
        asked = (await request.json())["customer_ids"]
        return {
            "items": [
                {"customer_id": one, "survivor_id": one, "addresses": [f"{one}@example.com"], "traits": {}}
                for one in asked
            ]
        }

    return app


@pytest.fixture
async def settings(
    notification: Notification, database_dsns: DatabaseDsns, tmp_path: Path
) -> NotificationSettings:
    admin = open_admin(NotificationSettings.load(service="test", log_url=database_dsns.log_owner))
    await admin.start()
    await admin.create_topics([TopicSpec(topic.name, 2, topic.retention_days) for topic in TOPICS])
    await admin.stop()
    return database_dsns.settings(
        NotificationSettings,
        "notification",
        role="worker",
        port=0,
        keyring=Keyring.generate().to_json(),
        pack_dir=PACKS,
        mailbox_dir=tmp_path / "mailbox",
        service_token=StaffIdentity().token("service"),
        dispatch_poll_seconds=0.05,
    )


async def test_first_purchases_become_mails(
    notification: Notification, settings: NotificationSettings, tmp_path: Path
) -> None:
    assert settings.service_token is not None
    peer = HttpServer(profile_service(settings, settings.service_token.get_secret_value()), settings)
    serving = asyncio.create_task(peer.serve())
    told = settings.model_copy(update={"profile_url": f"http://127.0.0.1:{peer.port}"})
    producer = open_producer(told)
    await producer.start()
    async with make_worker(told, notification.clock) as process:
        running = [asyncio.create_task(part.run()) for part in process.parts]
        purchases = [touchpoint(number % 40 + 1) for number in range(120)]
        await producer.append(
            [
                Outgoing(
                    TOUCHPOINT_RESOLVED_TOPIC.name,
                    event.customer_id.bytes,
                    TOUCHPOINT_RESOLVED.encode(event, id=str(number), source="test", time=NOW),
                )
                for number, event in enumerate(purchases)
            ]
        )
        await eventually(lambda: len(list((tmp_path / "mailbox").glob("*.eml"))) == 40)
        reader = open_reader(told)
        await reader.start()
        partitions = await reader.partitions(MESSAGE_SENT_TOPIC.name)

        async def announced() -> bool:
            return sum((await reader.end_offsets(partitions)).values()) == 40

        await eventually(announced)
        await reader.assign(await reader.begin_offsets(partitions))
        sent: set[str] = set()
        while len(sent) < 40:
            for records in (await reader.poll(max_records=100, timeout=1.0)).values():
                sent |= {str(MESSAGE_SENT.decode(record.value).data.send_id) for record in records}
        await reader.stop()
        for part, task in zip(process.parts, running, strict=True):
            await part.stop()
            await task
    await producer.stop()
    peer.stop()
    await serving
    assert sent == {file.stem for file in (tmp_path / "mailbox").glob("*.eml")}
    assert set((await notification.states()).values()) == {"sent"}


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"mailbox_dir": None}, "GUANXI_SMTP_URL"),
        ({"smtp_url": "http://nowhere"}, "GUANXI_SMTP_URL"),
        ({"service_token": None}, "GUANXI_SERVICE_TOKEN"),
    ],
)
async def test_a_missing_setting_is_named(
    settings: NotificationSettings, changes: dict[str, object], variable: str
) -> None:
    values = settings.model_dump() | changes
    with pytest.raises(SettingsError, match=variable):
        async with make_worker(NotificationSettings.load(**values)):
            pytest.fail("it started")
