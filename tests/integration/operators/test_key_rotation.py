"""A key rotation on the whole platform while touchpoints come in: everything opens, nothing needs the old key."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import asyncpg

from guanxi_devstack.bootstrap import SERVICES
from guanxi_kit.crypto import Keyring, key_prefix
from guanxi_kit.testing import eventually

from .conftest import Platform

FILLED = {
    "profile.identifier.sealed",
    "profile.trait_source.sealed",
    "profile.trait_value.sealed",
    "interaction.touchpoint.sealed",
    "interaction.dead_letter.sealed_value",
}


async def test_a_rotation_while_touchpoints_come_in(platform: Platform) -> None:
    platform.clock.advance(datetime.now(UTC) - platform.clock.now())
    old = platform.keyring.primary_key_id
    async with platform.working():
        await park(platform)
        channel = Channel(platform)
        sending = asyncio.create_task(channel.send_until_stopped())
        await eventually(lambda: channel.sent > 5)
        assert "does not seal yet" in await guanxi(platform, "new")
        await eventually(lambda: promoted(platform), timeout=60)
        await guanxi(platform, "reencrypt")
        refused = await platform.guanxi("rotate-keys", "retire", "--keyring-file", str(platform.keyring_file))
        assert refused.exit_code == 1
        assert "when the log has forgotten it" in refused.stderr
        channel.stop.set()
        await sending
        await eventually(lambda: settled(platform, channel.sent), timeout=90)

        platform.clock.advance(timedelta(days=7, hours=2))
        await guanxi(platform, "reencrypt")
        assert "is retired" in await guanxi(
            platform, "retire", "--keep", str(platform.folder / "before.json")
        )
        assert old not in platform.keyring.key_ids
        assert old in Keyring.load(platform.folder / "before.json").key_ids
        await eventually(lambda: taken_over(platform), timeout=60)
        assert set(await sealed_values(platform)) >= FILLED
        for column, by_prefix in (await sealed_values(platform)).items():
            assert set(by_prefix) <= {key_prefix(platform.keyring.primary_key_id)}, column
        await everything_opens(platform, channel.sent)
        shown = await guanxi(platform, "status")
        assert str(old) not in shown


class Channel:
    """A channel system that tells of one person's visits, one after another."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.sent = 0
        self.stop = asyncio.Event()

    async def send_until_stopped(self) -> None:
        async with self.platform.client() as client:
            while not self.stop.is_set():
                await self.platform.send(client, self.visit())
                self.sent += 1
                await asyncio.sleep(0.02)

    def visit(self) -> dict[str, Any]:
        number = self.sent
        return {
            "type": "identify",
            "messageId": f"visit-{number}",
            "userId": f"rotation-{number % 20}",
            "traits": {"email": f"rotation-{number % 20}@example.com", "nickname": f"nick-{number}"},
        }


async def guanxi(platform: Platform, *arguments: str) -> str:
    file = () if arguments[0] == "reencrypt" else ("--keyring-file", str(platform.keyring_file))
    result = await platform.guanxi("rotate-keys", *arguments, *file)
    assert result.exit_code == 0, result.output
    return result.stdout


async def promoted(platform: Platform) -> bool:
    """Promote the key, which is refused until every process has it."""
    result = await platform.guanxi("rotate-keys", "promote", "--keyring-file", str(platform.keyring_file))
    assert result.exit_code == 0 or "do not have key" in result.stderr
    return result.exit_code == 0


async def park(platform: Platform) -> None:
    """Put a record that cannot be read on the way, so that there is a dead letter to seal anew."""
    connection = await asyncpg.connect(platform.dsns.app["interaction"])
    sealed = platform.keyring.seal(b"{", b"touchpoint.resolved/0/7")
    await connection.execute(
        "INSERT INTO dead_letter (topic, partition, record_offset, record_key, sealed_value, reason, parked_at)"
        " VALUES ('touchpoint.resolved', 0, 7, '', $1, 'unreadable', now())",
        sealed,
    )
    await connection.close()


async def settled(platform: Platform, sent: int) -> bool:
    connection = await asyncpg.connect(platform.dsns.app["interaction"])
    stored = await connection.fetchval("SELECT count(*) FROM touchpoint")
    await connection.close()
    assert stored <= sent
    return bool(stored == sent)


async def taken_over(platform: Platform) -> bool:
    """Every process has the new key alone."""
    async with platform.client() as client:
        services = (await client.get("/v1/keys/status")).json()["items"]
    processes = [process for service in services for process in service["processes"]]
    assert len(processes) == 2 * len(SERVICES)
    return all(process["key_ids"] == [platform.keyring.primary_key_id] for process in processes)


async def sealed_values(platform: Platform) -> dict[str, Counter[bytes]]:
    """Count the values of each sealed column that has any, by what they begin with."""
    found: dict[str, Counter[bytes]] = {}
    for service in SERVICES:
        connection = await asyncpg.connect(platform.dsns.app[service])
        for column in import_module(f"{service}_service.adapters.sealed_columns").SEALED_COLUMNS:
            rows = await connection.fetch(
                f"SELECT substring({column.column} FROM 1 FOR 5), count(*) FROM {column.table}"
                f" WHERE {column.column} IS NOT NULL GROUP BY 1"
            )
            if rows:
                found[f"{service}.{column.name}"] = Counter(dict(map(tuple, rows)))
        await connection.close()
    return found


async def everything_opens(platform: Platform, sent: int) -> None:
    contents = 0
    async with platform.client() as client:
        for number in range(min(20, sent)):
            (found,) = (await client.get("/v1/customers", params={"user_id": f"rotation-{number}"})).json()[
                "items"
            ]
            path = f"/v1/customers/{found['customer_id']}"
            view = (await client.get(path)).json()
            assert view["traits"]["nickname"]["value"]
            timeline = (await client.get(f"{path}/timeline", params={"limit": 200})).json()["items"]
            contents += sum(entry["content"] is not None for entry in timeline)
    assert contents == sent
