"""The AsyncAPI 3.0 document of the event log, derived from the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guanxi_contracts.catalog import TOPICS, Topic

_CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
_DAY_MS = 86_400_000


def topic_configuration(topic: Topic) -> dict[str, Any]:
    """Return the broker configuration that a topic needs, by Kafka's names."""
    return {"cleanup.policy": "delete", "retention.ms": topic.retention_days * _DAY_MS}


def asyncapi_document(examples: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document; `examples` maps an event type to a whole event. Schemas are referred to by file."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Guanxi event log",
            "version": "1",
            "description": "Events of the Guanxi customer platform: CloudEvents 1.0 in structured JSON.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": _CONTENT_TYPE,
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {
            "messages": {
                event.type: _message(event.type, topic, examples[event.type])
                for topic in TOPICS
                for event in topic.events
            }
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    configuration = topic_configuration(topic)
    return {
        "address": topic.name,
        "summary": topic.summary,
        "messages": {event.type: {"$ref": f"#/components/messages/{event.type}"} for event in topic.events},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {**configuration, "cleanup.policy": [configuration["cleanup.policy"]]},
                "bindingVersion": "0.5.0",
            }
        },
        "x-owner": topic.owner,
        "x-personal-data": topic.personal,
    }


def _message(type: str, topic: Topic, example: Any) -> dict[str, Any]:
    return {
        "name": type,
        "contentType": _CONTENT_TYPE,
        "payload": {"$ref": f"./schemas/{type}.json"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}
        },
        "examples": [{"name": "golden", "payload": example}],
    }


def _operations() -> dict[str, Any]:
    operations = {}
    for topic in TOPICS:
        operating = [(name, "send") for name in topic.writers] + [
            (name, "receive") for name in topic.consumers
        ]
        for service, action in operating:
            operations[f"{service}.{action}.{topic.name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [
                    {"$ref": f"#/channels/{topic.name}/messages/{event.type}"} for event in topic.events
                ],
                "x-service": service,
            }
    return operations
