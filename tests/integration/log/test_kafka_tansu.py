"""The Kafka engine on Tansu, which handles groups, rebalances and killed members well.

Tansu keeps its log in memory, and knows neither idempotent producers nor topic configuration. GUANXI_KAFKA_BOOTSTRAP
takes an outside Kafka instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from guanxi_devstack.brokers import Tansu
from guanxi_kit.log.sharing import Timing
from tests.integration.log.behaviour import AppendBehaviour, GroupBehaviour, TakeoverBehaviour
from tests.integration.log.harness import Engine, LogAddress, RealEngine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

# Shorter session timeouts than this are refused by Kafka's defaults.
TIMING = Timing(heartbeat=1.0, member_timeout=6.0)


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    outside = os.environ.get("GUANXI_KAFKA_BOOTSTRAP")
    if outside:
        yield outside
        return
    broker = Tansu(tmp_path_factory.mktemp("tansu"))
    broker.start()
    yield broker.bootstrap
    broker.stop()


class TestKafkaOnTansu(AppendBehaviour, GroupBehaviour, TakeoverBehaviour):
    @pytest.fixture
    def engine(self, bootstrap: str) -> Engine:
        return RealEngine(LogAddress("kafka", bootstrap, kafka_idempotence=False, timing=TIMING))
