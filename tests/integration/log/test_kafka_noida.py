"""The Kafka engine on noida-db, which knows idempotent producers, topic configuration and offsets.

noida-db loses track of groups whose members die or change; Tansu's module tests those. GUANXI_KAFKA_BOOTSTRAP takes an
outside Kafka instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.integration.log.behaviour import AppendBehaviour, PositionBehaviour
from tests.integration.log.harness import Engine, LogAddress, RealEngine, Workbench

from guanxi_devstack.brokers import Noida
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
