"""The catalog, the AsyncAPI document and the topic manifest tell the same story."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from guanxi_contracts.catalog import TOPICS
from guanxi_contracts.export import REPOSITORY, contracts_folder

DOCUMENT_FILE = contracts_folder(REPOSITORY) / "asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(DOCUMENT_FILE.read_text(encoding="utf-8"))
SERVICES = {path.name for path in (REPOSITORY / "services").iterdir() if path.is_dir()} | {"gateway"}


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for key, value in node.items() if key != "examples" for ref in references(value)]
    return [ref for item in node for ref in references(item)] if isinstance(node, list) else []


def resolve(reference: str, base: Path, document: Any) -> Any:
    file, _, pointer = reference.partition("#")
    if file:
        document = yaml.safe_load((base.parent / file).read_text(encoding="utf-8"))
    for part in pointer.strip("/").split("/") if pointer else []:
        document = document[part.replace("~1", "/").replace("~0", "~")]
    if isinstance(document, dict) and "$ref" in document:
        return resolve(document["$ref"], base, DOCUMENT)
    return document


def test_personal_data_leaves_a_topic_within_seven_days() -> None:
    assert [topic.name for topic in TOPICS if topic.personal and topic.retention_days > 7] == []
    assert any(topic.personal for topic in TOPICS)


def test_names_are_unique_and_owners_and_consumers_exist() -> None:
    types = [event.type for topic in TOPICS for event in topic.events]
    assert len(set(types)) == len(types)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    for topic in TOPICS:
        assert {topic.owner, *topic.consumers} <= SERVICES
        assert topic.decoders.keys() == {event.type for event in topic.events}


def test_the_document_is_asyncapi_3_with_its_required_parts() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    allowed = {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }
    assert DOCUMENT.keys() <= allowed


def test_every_reference_of_the_document_resolves() -> None:
    found = references(DOCUMENT)
    assert len(found) > 3 * len(TOPICS)
    for reference in found:
        assert resolve(reference, DOCUMENT_FILE, DOCUMENT), reference


def test_a_dangling_reference_would_be_noticed() -> None:
    with pytest.raises(KeyError):
        resolve("#/components/messages/guanxi.cake.baked.v1", DOCUMENT_FILE, DOCUMENT)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_a_channel_with_all_its_messages(topic: Any) -> None:
    channel = DOCUMENT["channels"][topic.name]
    assert channel["address"] == topic.name
    assert channel["messages"].keys() == {event.type for event in topic.events}
    for type, reference in channel["messages"].items():
        message = resolve(reference["$ref"], DOCUMENT_FILE, DOCUMENT)
        assert message["name"] == type
        schema = resolve(message["payload"]["$ref"], DOCUMENT_FILE, DOCUMENT)
        assert schema["properties"]["type"] == {"const": type}
        assert message["examples"][0]["payload"]["type"] == type


def test_operations_are_those_of_writers_and_consumers() -> None:
    expected = {(name, "send", topic.name) for topic in TOPICS for name in topic.writers}
    expected |= {(name, "receive", topic.name) for topic in TOPICS for name in topic.consumers}
    found = set()
    for operation in DOCUMENT["operations"].values():
        channel = operation["channel"]["$ref"].removeprefix("#/channels/")
        found.add((operation["x-service"], operation["action"], channel))
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"#/channels/{channel}/messages/")
    assert found == expected


def test_the_topic_manifest_has_every_topic_as_the_catalog_says() -> None:
    text = (REPOSITORY / "deploy" / "base" / "topics.yaml").read_text(encoding="utf-8")
    resources = {item["spec"]["topicName"]: item for item in yaml.safe_load_all(text)}
    assert resources.keys() == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        spec = resources[topic.name]["spec"]
        assert spec["partitions"] == topic.partitions
        assert spec["config"]["retention.ms"] == topic.retention_days * 86_400_000
        assert spec["config"]["min.insync.replicas"] == spec["replicas"] - 1 >= 2
        assert spec["config"].get("cleanup.policy") == "delete"
