"""The Kafka engine on Tansu, which handles groups, rebalances and killed members well.

Tansu keeps its log in memory, knows neither idempotent producers nor topic configuration, and its end offsets are
wrong. GUANXI_KAFKA_BOOTSTRAP takes an outside Kafka instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.log.cutting import CuttableProxy
from tests.integration.log.group_behaviour import FailureBehaviour, GroupBehaviour, TakeoverBehaviour
from tests.integration.log.harness import Engine, LogAddress, RealEngine

from guanxi_devstack.brokers import Tansu
from guanxi_kit.log.sharing import Timing

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


class TestKafkaOnTansu(GroupBehaviour, TakeoverBehaviour):
    @pytest.fixture
    def engine(self, bootstrap: str) -> Engine:
        return RealEngine(LogAddress("kafka", bootstrap, kafka_idempotence=False, timing=TIMING))


class TestKafkaThroughCuts(FailureBehaviour):
    @pytest.fixture
    async def proxy(self, tmp_path: Path) -> AsyncIterator[CuttableProxy]:
        proxy = CuttableProxy()
        await proxy.start()
        broker = Tansu(tmp_path, advertised_port=proxy.port)
        proxy.target_port = broker.port
        await asyncio.to_thread(broker.start)
        yield proxy
        await proxy.stop()
        await asyncio.to_thread(broker.stop)

    @pytest.fixture
    def engine(self, proxy: CuttableProxy) -> Engine:
        address = f"127.0.0.1:{proxy.port}"
        return RealEngine(LogAddress("kafka", address, kafka_idempotence=False, timing=TIMING))

    @pytest.fixture
    def cut(self, proxy: CuttableProxy) -> Callable[[], None]:
        return proxy.cut
