"""Topics as Strimzi resources, derived from the catalog."""

from __future__ import annotations

from typing import Any

from guanxi_contracts.asyncapi import topic_configuration
from guanxi_contracts.catalog import TOPICS, Topic

CLUSTER = "guanxi"
REPLICAS = 3


def topic_resource(topic: Topic) -> dict[str, Any]:
    """Return the KafkaTopic of a topic: three copies, of which two must have an acknowledged record."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": topic.name,
            "labels": {"strimzi.io/cluster": CLUSTER, "app.kubernetes.io/part-of": "guanxi"},
            "annotations": {
                "guanxi.dev/owner": topic.owner,
                "guanxi.dev/personal-data": "true" if topic.personal else "false",
            },
        },
        "spec": {
            "topicName": topic.name,
            "partitions": topic.partitions,
            "replicas": REPLICAS,
            "config": {**topic_configuration(topic), "min.insync.replicas": REPLICAS - 1},
        },
    }


def topic_resources() -> list[dict[str, Any]]:
    """Return the KafkaTopic resources of all topics, in the catalog's order."""
    return [topic_resource(topic) for topic in TOPICS]
