"""Creates topics in Kafka. Retention is the brokers' own work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from guanxi_kit.log.kafka.reading import broker_errors
from guanxi_kit.log.port import LogError, TopicSpec

_DAY_MS = 86_400_000
_REPLICAS = 3


class KafkaAdmin:
    """Admin of the Kafka engine. Topics get three replicas, two of them in sync, where there are that many brokers."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client: Any = None

    async def start(self) -> None:
        """Connect. Raises LogUnavailable."""
        client = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, client_id="guanxi")
        with broker_errors(self._bootstrap):
            try:
                await client.start()
            except BaseException:
                await client.close()
                raise
        self._client = client

    async def stop(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()

    async def create_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create those that do not exist, with their retention. Raises LogError; see the port."""
        with broker_errors(self._bootstrap):
            existing = {
                topic["topic"]: len(topic["partitions"]) for topic in await self._client.describe_topics()
            }
            brokers = len((await self._client.describe_cluster())["brokers"])
            missing = [spec for spec in topics if spec.name not in existing]
            if missing:
                await self._create(missing, min(_REPLICAS, brokers))
        for spec in topics:
            if existing.get(spec.name, spec.partitions) != spec.partitions:
                raise LogError(
                    f"topic {spec.name} has {existing[spec.name]} partitions, not {spec.partitions}"
                )

    async def apply_retention(self) -> None:
        """The brokers delete old segments by themselves."""

    async def _create(self, topics: Sequence[TopicSpec], replicas: int) -> None:
        response = await self._client.create_topics(
            [
                NewTopic(spec.name, spec.partitions, replicas, topic_configs=topic_config(spec, replicas))
                for spec in topics
            ]
        )
        for name, code, *message in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise LogError(f"topic {name} was not created: {error.__name__} {message}")


def topic_config(spec: TopicSpec, replicas: int) -> dict[str, str]:
    """Settings of a topic on Kafka, for `replicas` copies.

    Kafka drops whole segments, once their youngest record is old enough. So that no record stays longer than
    `retention_days`, that age is one segment's span less: a record stays at most `retention_days` days, and at least
    six sevenths of that.
    """
    span = spec.retention_days * _DAY_MS
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(span - span // 7),
        "segment.ms": str(span // 7),
        "min.insync.replicas": "2" if replicas >= _REPLICAS else "1",
    }
