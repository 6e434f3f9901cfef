"""Somebody made up, each of whose values is unmistakable, and what may hold them: rows and topics."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from guanxi_contracts.catalog import TOPICS
from guanxi_devstack.world import World
from guanxi_kit.log.factory import open_reader
from guanxi_kit.settings import ServiceSettings


def mark() -> str:
    """Letters that stand nowhere else."""
    return uuid.uuid4().hex[:10].translate(str.maketrans("0123456789", "ghijklmnop"))


@dataclass
class Person:
    """Somebody made up, each of whose values is unmistakable."""

    phone: str = "+447700900871"
    email: str = field(default_factory=lambda: f"{mark()}@example.org")
    name: str = field(default_factory=lambda: f"秦{mark()}岚")
    address: str = field(default_factory=lambda: f"{mark()}路 88 号")
    note: str = field(default_factory=lambda: f"called about {mark()}, très fâché")
    member_number: str = field(default_factory=lambda: f"M-{mark()}")
    user_id: str = field(default_factory=lambda: f"user-{mark()}")
    device: str = field(default_factory=lambda: f"device-{mark()}")
    openid: str = field(default_factory=lambda: f"openid-{mark()}")
    order: str = field(default_factory=lambda: f"order-{mark()}")

    def values(self) -> dict[str, str]:
        """What must not be found, as it was written and as it is normalised."""
        return {
            **vars(self),
            "phone": "7700900871",
            "phone as written": "7700 900871",
            "email in capitals": self.email.upper(),
            "local part": self.email.partition("@")[0],
        }

    def batch(self) -> list[dict[str, Any]]:
        ids = {"userId": self.user_id, "anonymousId": self.device}
        traits = {
            "phone": "+44 7700 900871",
            "email": self.email.upper(),
            "name": self.name,
            "address": {"street": self.address},
            "memberNumber": self.member_number,
            "wechatOpenid": self.openid,
            "appId": "wx1",
        }
        context = {"device": {"id": self.device}, "ip": "192.0.2.7", "page": {"title": self.note}}
        order = {"order_id": self.order, "revenue": 12.5, "currency": "CNY", "note": self.note}
        return [
            {"type": "identify", **ids, "messageId": f"a-{self.order}", "traits": traits, "context": context},
            {"type": "track", **ids, "event": "Order Completed", "properties": order, "context": context},
            {"type": "page", **ids, "name": "Home", "properties": {"q": self.note}, "context": context},
            {"type": "group", **ids, "groupId": f"firm-{self.device}", "traits": {"contact": self.name}},
            {"type": "alias", "userId": self.user_id, "previousId": self.openid},
        ]


async def rows(dsn: str) -> dict[str, bytes]:
    """Every table of every schema as text, which also undoes the database's compression; bytea is hex in it."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        return {
            table["name"]: "\n".join(
                row[0] for row in await connection.fetch(f"SELECT t::text FROM {table['name']} t")
            ).encode()
            for table in tables
        }
    finally:
        await connection.close()


async def topics(world: World) -> dict[str, bytes]:
    """Every record of every topic: key, value and headers."""
    options = world.options
    settings = ServiceSettings.load(
        service="test",
        log_engine="kafka" if options.kafka_bootstrap else "postgres",
        log_url=world.topology.dsn("log_app"),
        kafka_bootstrap=options.kafka_bootstrap,
    )
    parts: dict[str, list[bytes]] = {topic.name: [] for topic in TOPICS}
    reader = open_reader(settings)
    await reader.start()
    try:
        places = [place for topic in TOPICS for place in await reader.partitions(topic.name)]
        await reader.assign(await reader.begin_offsets(places))
        while batch := await reader.poll(max_records=10_000, timeout=4.0):
            for record in (record for records in batch.values() for record in records):
                values = (value for _, value in record.headers)
                parts[record.topic] += [record.key, record.value, *values]
    finally:
        await reader.stop()
    return {topic: b"\n".join(held) for topic, held in parts.items()}
