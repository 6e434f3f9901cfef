"""Settings of topics on Kafka."""

from __future__ import annotations

from guanxi_kit.log.kafka.admin import topic_config
from guanxi_kit.log.port import TopicSpec


def test_a_record_stays_no_longer_than_its_retention() -> None:
    config = topic_config(TopicSpec("t", 12, 7), replicas=3)
    assert int(config["retention.ms"]) + int(config["segment.ms"]) == 7 * 86_400_000
    assert config["min.insync.replicas"] == "2"
    assert topic_config(TopicSpec("t", 12, 7), replicas=1)["min.insync.replicas"] == "1"
