"""Schemathesis over the gateway's own OpenAPI document, against the running platform: no 5xx, answers as described."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from guanxi_devstack.world import World
from guanxi_gateway.main import make_api
from guanxi_gateway.settings import GatewaySettings
from guanxi_kit.http import make_client
from guanxi_kit.testing import eventually

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("world_options", ["postgres"], indirect=True, scope="session"),
]

EXAMPLES = int(os.environ.get("GUANXI_FUZZ_EXAMPLES", "10"))
SECONDS = 20.0
READS = {
    "GET /v1/customers",
    "GET /v1/customers/{customer_id}",
    "GET /v1/customers/{customer_id}/timeline",
    "GET /v1/customers/{customer_id}/moments",
    "GET /v1/customers/{customer_id}/scores",
    "GET /v1/customers/{customer_id}/messages",
    "GET /v1/tiers",
    "GET /v1/stats",
}
STREAM = "GET /v1/changes"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


def _operations() -> dict[str, dict[str, Any]]:
    """Every operation that the gateway's document describes, by method and path."""
    urls = dict.fromkeys(
        ("profile_url", "interaction_url", "scoring_url", "notification_url"), "http://[::1]:1"
    )
    nobody = Path("jwks.json")
    document = make_api(GatewaySettings(service="gateway", jwks_file=nobody, **urls)).openapi()  # type: ignore[arg-type]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


OPERATIONS = _operations()
INGEST = {name for name, operation in OPERATIONS.items() if "ingest" in operation["tags"]}
CASES = [
    (name, mode)
    for name, operation in sorted(OPERATIONS.items())
    for mode in MODES
    if name != STREAM
    and (mode is GenerationMode.POSITIVE or operation.get("parameters") or "requestBody" in operation)
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(world: World) -> Any:
    """The gateway's document, as schemathesis reads it."""
    return schemathesis.openapi.from_url(f"{world.url}/openapi.json")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def customer_id(world: World) -> str:
    """A customer with a touchpoint of every kind, a purchase, a score and a message."""
    person = {"userId": "fuzz-ada", "anonymousId": "fuzz-device"}
    contact = {"email": "fuzz.ada@example.com", "phone": "+447700900456", "name": "Ada"}
    order = {"order_id": "F-1", "revenue": 12.5, "currency": "CNY"}
    batch = [
        {"type": "identify", **person, "traits": contact},
        {"type": "track", **person, "event": "Order Completed", "properties": order},
        {"type": "page", **person, "name": "Home", "properties": {"url": "https://www.example.com/"}},
        {"type": "screen", **person, "name": "Basket"},
        {"type": "group", **person, "groupId": "engines", "traits": {"name": "Engines"}},
        {"type": "alias", "userId": "fuzz-ada", "previousId": "fuzz-other"},
    ]
    async with make_client(world.url, token=world.credentials.token("admin")) as client:
        auth = (world.credentials.write_keys["web"], "")
        answer = await client.post("/v1/batch", json={"batch": batch}, auth=auth)
        assert answer.json()["accepted"] == len(batch), answer.text

        async def read(path: str, **query: str) -> Any:
            found = await client.get(path, params=query)
            assert found.status_code == 200, found.text
            return found.json()

        async def settled() -> str:
            found = (await read("/v1/customers", user_id="fuzz-ada"))["items"]
            assert found
            path = f"/v1/customers/{found[0]['customer_id']}"
            assert (await read(path))["scores"].get("rfm")
            assert len((await read(f"{path}/timeline"))["items"]) == len(batch)
            assert await read(f"{path}/scores")
            assert (await read(f"{path}/messages"))["items"]
            return str(found[0]["customer_id"])

        return str(await eventually(settled, timeout=60.0))


def credential(world: World, name: str) -> dict[str, str]:
    """Return the request headers that open an operation."""
    if name in INGEST:
        request = requests.Request("POST", world.url, auth=(world.credentials.write_keys["web"], ""))
        return {"Authorization": str(request.prepare().headers["Authorization"])}
    return {"Authorization": f"Bearer {world.credentials.token('admin')}"}


def operation_of(api: Any, name: str) -> Any:
    method, path = name.split(" ")
    return api[path][method]


def fuzz(operation: Any, mode: GenerationMode, check: Callable[[Any], None]) -> int:
    """Try generated requests of one operation; returns how many."""
    tried = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        nonlocal tried
        tried += 1
        check(case)

    run()
    return tried


async def test_the_platform_serves_this_document(api: Any) -> None:
    names = {f"{op.ok().method.upper()} {op.ok().path}" for op in api.get_all_operations()}
    assert names == set(OPERATIONS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "mode"), CASES)
async def test_nothing_breaks_and_answers_are_as_described(
    world: World, api: Any, customer_id: str, name: str, mode: GenerationMode
) -> None:
    headers = credential(world, name)
    statuses: dict[int, int] = {}

    def check(case: Any) -> None:
        response = case.call(headers=headers, timeout=SECONDS)
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
        case.validate_response(response, checks=[*CHECKS, unsupported_method])

    operation = operation_of(api, name)
    assert fuzz(operation, mode, check) > 5
    if mode is GenerationMode.POSITIVE and "webhooks" not in OPERATIONS[name]["tags"]:
        assert not {401, 403, 429} & set(statuses), f"requests got no further than the door: {statuses}"
    if name in INGEST and mode is GenerationMode.POSITIVE:
        assert statuses.get(200), f"no generated message was accepted: {statuses}"


@pytest.mark.parametrize("name", sorted(READS))
async def test_a_real_customers_documents_are_as_described(
    world: World, api: Any, customer_id: str, name: str
) -> None:
    query = {"user_id": "fuzz-ada"} if name == "GET /v1/customers" else {}
    path = {"customer_id": customer_id} if "{customer_id}" in name else {}
    case = operation_of(api, name).Case(path_parameters=path, query=query)
    response = case.call(headers=credential(world, name), timeout=SECONDS)
    assert response.status_code == 200, response.text
    case.validate_response(response, checks=CHECKS)


@pytest.mark.parametrize("mode", MODES)
async def test_the_stream_refuses_what_it_cannot_follow(world: World, api: Any, mode: GenerationMode) -> None:
    headers = credential(world, STREAM)

    def check(case: Any) -> None:
        request = case.as_transport_kwargs(base_url=world.url, headers=headers)
        with requests.request(**request, stream=True, timeout=SECONDS) as response:
            if response.status_code == 200:
                assert response.headers["content-type"].startswith("text/event-stream")
                assert next(response.iter_lines()) == b"retry: 2000"
            else:
                assert 400 <= response.status_code < 500
                assert response.headers["content-type"] == "application/problem+json"

    assert fuzz(operation_of(api, STREAM), mode, check) > 5
