"""The worker and the API as they run: a touchpoint on the event log reaches the view, and comes out resolved."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from guanxi_contracts.catalog import TOPICS, TOUCHPOINT_RECEIVED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.touchpoint import TOUCHPOINT_RECEIVED, TOUCHPOINT_RESOLVED, TouchpointReceivedV1
from guanxi_kit.log.factory import open_admin, open_producer, open_reader
from guanxi_kit.log.port import Outgoing, TopicPartition, TopicSpec
from guanxi_kit.testing import StaffIdentity, client_of, eventually
from profile_service.main import make_api, make_worker
from profile_service.settings import ProfileSettings

from .conftest import START, ProfileWorld

PARTITIONS = 3


def settings_of(world: ProfileWorld, folder: Path, staff: StaffIdentity) -> ProfileSettings:
    return world.dsns.settings(
        ProfileSettings,
        "profile",
        keyring=world.keyring.to_json(),
        jwks_file=staff.write_jwks(folder / "jwks.json"),
        pack_dir=Path(__file__).parents[3] / "packs",
    )


def outgoing(touchpoint: TouchpointReceivedV1) -> Outgoing:
    """The record that intake appends."""
    value = TOUCHPOINT_RECEIVED.encode(touchpoint, id=touchpoint.touchpoint_id.hex, source="test", time=START)
    return Outgoing(TOUCHPOINT_RECEIVED_TOPIC.name, touchpoint.identifiers[0].hash, value)


async def read_resolved(settings: ProfileSettings) -> list[Any]:
    """Everything on touchpoint.resolved."""
    reader = open_reader(settings)
    await reader.start()
    try:
        where = [TopicPartition(TOUCHPOINT_RESOLVED_TOPIC.name, number) for number in range(PARTITIONS)]
        await reader.assign(dict.fromkeys(where, 0))
        found: list[Any] = []
        while batch := await reader.poll(max_records=1000, timeout=0.3):
            found += [
                TOUCHPOINT_RESOLVED.decode(record.value).data
                for records in batch.values()
                for record in records
            ]
        return found
    finally:
        await reader.stop()


async def test_a_touchpoint_reaches_the_view_and_the_next_services(
    world: ProfileWorld, tmp_path: Path
) -> None:
    staff = StaffIdentity()
    settings = settings_of(world, tmp_path, staff)
    owner = settings.model_copy(update={"log_url": SecretStr(world.dsns.log_owner)})
    admin, producer = open_admin(owner), open_producer(settings)
    await admin.start()
    await admin.create_topics([TopicSpec(topic.name, PARTITIONS, topic.retention_days) for topic in TOPICS])
    await producer.start()
    touchpoints = [world.touchpoint(f"m{n}", f"user_id:u{n % 10}", amount=n) for n in range(50)]
    bad = Outgoing(TOUCHPOINT_RECEIVED_TOPIC.name, b"k", b'{"half')
    async with client_of(make_api(settings)) as client, make_worker(settings) as process:
        *_, worker = process.parts
        running = asyncio.create_task(worker.run())
        await producer.append([bad, *map(outgoing, touchpoints), *map(outgoing, touchpoints[:20])])

        async def arrived() -> bool:
            stats = await client.get("/v1/stats", headers=staff.headers())
            return bool(stats.json() == {"customers": 10, "fragments": 10, "touchpoints": 50, "merges": 0})

        await eventually(arrived)
        resolved = await eventually(lambda: _all(settings, 50))
        assert {each.touchpoint.touchpoint_id for each in resolved} == {
            each.touchpoint_id for each in touchpoints
        }
        view = (await client.get(f"/v1/customers/{resolved[0].customer_id}", headers=staff.headers())).json()
        assert view["touchpoints"] == view["purchases"]["count"] == 5
        assert (await client.get("/readyz")).status_code == 200
        await worker.stop()
        await running
    assert await world.db.pool.fetchval("SELECT count(*) FROM dead_letter") == 1
    await producer.stop()
    await admin.stop()


async def _all(settings: ProfileSettings, count: int) -> Any:
    found = await read_resolved(settings)
    return found if len(found) == count else False
