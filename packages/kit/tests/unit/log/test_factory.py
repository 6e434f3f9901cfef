"""The settings choose the engine."""

from __future__ import annotations

import pytest

from guanxi_kit.log.factory import open_admin, open_consumer, open_producer, open_reader
from guanxi_kit.settings import ServiceSettings


@pytest.mark.parametrize(("engine", "prefix"), [("kafka", "Kafka"), ("postgres", "Postgres")])
async def test_the_engine_of_the_settings_is_opened(engine: str, prefix: str) -> None:
    settings = ServiceSettings.load(
        service="test",
        log_engine=engine,
        log_url="postgresql://log@db.example.com/log",
        kafka_bootstrap="kafka:9092",
    )
    opened = [
        open_producer(settings),
        open_consumer(settings, "group", ["topic"]),
        open_reader(settings),
        open_admin(settings),
    ]
    assert [type(client).__name__ for client in opened] == [
        f"{prefix}{role}" for role in ("Producer", "Consumer", "Reader", "Admin")
    ]
