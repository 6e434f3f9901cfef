"""Channels and their write keys."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest

from guanxi_kit.db import Database
from guanxi_kit.testing import eventually
from interaction_service.adapters.channels import ChannelRefused, add_channel
from interaction_service.adapters.directory import MISS_SECONDS, REFRESH_SECONDS
from interaction_service.add_channel import add_channel_command
from interaction_service.settings import InteractionSettings

from .conftest import WRITE_KEY, Service
from .events import rows

KEY = "another-write-key-0123"


async def test_the_command_prints_a_new_key_once(
    settings: InteractionSettings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--name", "store", "--kind", "pos"]
    assert await add_channel_command(settings, arguments) == 0
    key = capsys.readouterr().out.strip()
    assert len(key) >= 32
    assert await add_channel_command(settings, arguments) == 0
    assert capsys.readouterr().out == ""
    assert await add_channel_command(settings, [*arguments, "--write-key", KEY]) == 0
    assert capsys.readouterr().out.strip() == KEY
    assert await add_channel_command(settings, [*arguments, "--write-key", KEY]) == 0
    assert capsys.readouterr().out == ""
    assert await add_channel_command(settings, ["--name", "app", "--kind", "app", "--write-key", KEY]) == 1
    stored = await rows(database, "SELECT * FROM channel")
    assert [row["name"] for row in stored] == ["store"]
    assert KEY.encode() not in stored[0]["write_key_hash"]


@pytest.mark.parametrize(
    ("name", "key"), [("", KEY), ("a b", KEY), ("web", "short"), ("web", "x" * 20 + "\n")]
)
async def test_what_cannot_be_a_channel(database: Database, name: str, key: str) -> None:
    with pytest.raises(ChannelRefused):
        await add_channel(database, name=name, kind="web", write_key=key)


async def test_two_at_once_make_one_channel(database: Database) -> None:
    keys = await asyncio.gather(
        *(add_channel(database, name="web", kind="web", write_key=None) for _ in range(4))
    )
    assert len([key for key in keys if key]) == 1


async def test_a_new_key_works_and_a_disabled_channel_does_not(service: Service) -> None:
    document = {"userId": "u", "writeKey": KEY}
    assert (await service.client.post("/v1/page", json=document)).status_code == 401
    await add_channel(service.database, name="app", kind="app", write_key=KEY)
    service.clock.advance(MISS_SECONDS)
    assert (await service.client.post("/v1/page", json=document)).status_code == 200
    async with service.database.connection() as connection:
        await connection.execute("UPDATE channel SET enabled = false WHERE name = 'app'")
    service.clock.advance(REFRESH_SECONDS)

    async def turned_away() -> bool:
        return (await service.client.post("/v1/page", json=document)).status_code == 401

    await eventually(turned_away)


async def test_without_the_database_known_channels_go_on_and_others_wait(
    service: Service, settings: InteractionSettings
) -> None:
    known, other = {"userId": "u", "writeKey": WRITE_KEY}, {"userId": "u", "writeKey": KEY}
    assert (await service.client.post("/v1/page", json=known)).status_code == 200
    assert settings.database_owner_url is not None
    owner = await asyncpg.connect(settings.database_owner_url.get_secret_value())
    async with owner.transaction():
        await owner.execute("LOCK TABLE channel IN ACCESS EXCLUSIVE MODE")
        service.clock.advance(REFRESH_SECONDS)
        assert (await service.client.post("/v1/page", json=known)).status_code == 200
        service.clock.advance(REFRESH_SECONDS)
        waiting = await service.client.post("/v1/page", json=other)
        assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "2")
        assert (await service.client.get("/readyz")).status_code == 200
    await owner.close()
    service.clock.advance(REFRESH_SECONDS)
    assert (await service.client.post("/v1/page", json=other)).status_code == 401


async def test_as_a_process(settings: InteractionSettings) -> None:
    assert settings.database_url is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "interaction_service", "add-channel", "--name", "web", "--kind", "web",
        env={"GUANXI_DATABASE_URL": settings.database_url.get_secret_value()},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert (process.returncode, len(output.split())) == (0, 1)
