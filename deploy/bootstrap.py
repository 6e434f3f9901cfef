"""Prepare an empty database and Kafka for the platform: roles, schemas, topics. Can be repeated.

Reads GUANXI_DATABASE_URL (of an administrator), ROLE_PASSWORDS (JSON by role) and GUANXI_KAFKA_BOOTSTRAP.
"""

from __future__ import annotations

import asyncio
import json
import os

from guanxi_contracts.catalog import TOPICS
from guanxi_devstack.bootstrap import bootstrap
from guanxi_kit.log.factory import open_admin
from guanxi_kit.log.port import TopicSpec
from guanxi_kit.settings import ServiceSettings


async def prepare() -> None:
    """Create what is missing. Raises when the database or Kafka cannot be reached."""
    settings = ServiceSettings.load(service="bootstrap", role="command", log_engine="kafka")
    await bootstrap(settings.database_dsn(), json.loads(os.environ["ROLE_PASSWORDS"]))
    admin = open_admin(settings)
    await admin.start()
    try:
        partitions = settings.partitions
        await admin.create_topics(
            [TopicSpec(topic.name, partitions or topic.partitions, topic.retention_days) for topic in TOPICS]
        )
    finally:
        await admin.stop()


if __name__ == "__main__":
    asyncio.run(prepare())
