"""The one OpenAPI document: complete, and its examples are what its schemas say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from guanxi_gateway.main import make_api
from guanxi_gateway.settings import GatewaySettings
from guanxi_kit.testing import StaffIdentity


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    jwks = StaffIdentity().write_jwks(tmp_path_factory.mktemp("gateway") / "jwks.json")
    urls = dict.fromkeys(
        ("profile_url", "interaction_url", "scoring_url", "notification_url"), "http://127.0.0.1:1"
    )
    settings = GatewaySettings(service="gateway", jwks_file=Path(jwks), **urls)  # type: ignore[arg-type]
    return make_api(settings).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, operation in operations(document):
        yield from ((f"{name} body", c) for c in operation.get("requestBody", {}).get("content", {}).values())
        for status, answer in operation["responses"].items():
            yield from ((f"{name} {status} {kind}", c) for kind, c in answer["content"].items())


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_every_request_and_answer_has_a_schema_and_an_example(document: dict[str, Any]) -> None:
    seen = 0
    for name, content in contents(document):
        schema = resolved(document, content["schema"])
        examples = [content["example"]] if "example" in content else schema.get("examples", [])
        validator = jsonschema.Draft202012Validator(
            {**schema, "components": document["components"]},
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )
        if "problem" not in name:
            assert examples, name
        for example in examples:
            assert [error.message for error in validator.iter_errors(example)] == [], name
            seen += 1
    assert seen > 20


def test_every_operation_names_its_credential_and_the_problems_to_expect(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if " /s/" in name:
            assert operation["security"] == [], "the customer's link is all there is"
            continue
        scheme = "writeKey" if "ingest" in operation["tags"] else "bearerAuth"
        scheme = "partnerSignature" if name.endswith("/partner-receipts") else scheme
        scheme = "channelSignature" if "webhooks" in operation["tags"] else scheme
        (needed,) = operation["security"]
        assert list(needed) == [scheme], name
        assert len(needed[scheme]) == (scheme == "bearerAuth"), name
        assert scheme in document["components"]["securitySchemes"]
        assert {"400", "401", "429", "503", "default"} <= set(operation["responses"]), name
        assert operation["summary"], name
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                assert list(answer["content"]) == ["application/problem+json"], name


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    wanted = set(references(document))
    assert wanted
    assert {reference.rpartition("/")[2] for reference in wanted} <= set(document["components"]["schemas"])
