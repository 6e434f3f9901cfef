"""The Kafka engine on noida-db, which knows idempotent producers, topic configuration and offsets.

noida-db loses track of groups whose members die or change; Tansu's module tests those. GUANXI_KAFKA_BOOTSTRAP takes an
outside Kafka instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.integration.log.behaviour import AppendBehaviour, PositionBehaviour
from tests.integration.log.harness import Engine, LogAddress, RealEngine, Workbench, numbered

from guanxi_devstack.brokers import Noida
from guanxi_kit.log.kafka.producer import KafkaProducer
from guanxi_kit.log.port import LogUnavailable
from guanxi_kit.log.sharing import Timing

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TIMING = Timing(heartbeat=1.0, member_timeout=6.0)


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    outside = os.environ.get("GUANXI_KAFKA_BOOTSTRAP")
    if outside:
        yield outside
        return
    broker = Noida(tmp_path_factory.mktemp("noida"))
    broker.start()
    yield broker.bootstrap
    broker.stop()


class TestKafkaOnNoida(AppendBehaviour, PositionBehaviour):
    @pytest.fixture
    def engine(self, bootstrap: str) -> Engine:
        return RealEngine(LogAddress("kafka", bootstrap, timing=TIMING))

    async def test_a_topic_gets_its_retention(self, bench: Workbench, bootstrap: str) -> None:
        topic = await bench.topic(retention_days=7)
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        finally:
            await admin.close()
        settings = {entry[0]: entry[1] for entry in responses[0].resources[0][4]}
        assert int(settings["retention.ms"]) + int(settings["segment.ms"]) <= 7 * 86_400_000
        assert settings["cleanup.policy"] == "delete"


class TestBrokerRestart:
    async def test_the_producer_goes_on_after_a_restart(self, tmp_path: Path) -> None:
        broker = Noida(tmp_path)
        await asyncio.to_thread(broker.start)
        bench = Workbench(RealEngine(LogAddress("kafka", broker.bootstrap, timing=TIMING)))
        producer = KafkaProducer(broker.bootstrap, seconds=2.0)
        try:
            topic = await bench.topic(partitions=2)
            await producer.start()
            await producer.append(numbered(topic, 50))
            await asyncio.to_thread(broker.stop)
            with pytest.raises(LogUnavailable):
                await producer.append(numbered(topic, 50, 50))
            with pytest.raises(LogUnavailable):
                await producer.append(numbered(topic, 50, 50))
            await asyncio.to_thread(broker.start)
            await producer.append(numbered(topic, 50, 50))
            found = await bench.read_all(topic)
            for records in found.values():
                numbers = [int(record.value) for record in records]
                assert numbers == sorted(set(numbers))
            assert sum(map(len, found.values())) == 100
        finally:
            await producer.stop()
            await bench.close()
            await asyncio.to_thread(broker.stop)
