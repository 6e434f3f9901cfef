"""The application's shell, called without a socket: problems, limits, identity, health, metrics, OpenAPI."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import pytest
from asyncpg import exceptions as pg
from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from guanxi_kit.app import add_routes, create_app
from guanxi_kit.auth import Principal, require
from guanxi_kit.errors import PROBLEM_MEDIA_TYPE, FieldError, Problem
from guanxi_kit.http import HttpClient, HttpResponse, TransportError
from guanxi_kit.log.port import LogUnavailable
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.telemetry import METRICS
from guanxi_kit.testing import StaffIdentity, client_of

BODY_LIMIT = 2000
SECRET = "ann@example.com"


class Item(BaseModel):
    name: Annotated[str, Field(max_length=5)]


class Order(BaseModel):
    items: list[Item]


async def lane(scope: Scope, receive: Receive, send: Send) -> None:
    """A bare ASGI lane as the ingest has one."""
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    if size == 3:
        raise Problem(429, detail="Slow down.", headers={"Retry-After": "9"})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=5")]})
    await send({"type": "http.response.body", "body": str(size).encode()})


def failing(app: FastAPI) -> None:
    failures: dict[str, Exception] = {
        "bug": KeyError(SECRET),
        "log": LogUnavailable("no broker at 10.0.0.1"),
        "database": pg.ConnectionDoesNotExistError("connection was closed"),
        "refused": ConnectionRefusedError(111, "refused"),
        "deadlock": pg.DeadlockDetectedError("deadlock"),
        "nul": pg.CharacterNotInRepertoireError('invalid byte sequence for encoding "UTF8": 0x00'),
        "peer": TransportError("no route"),
        "problem": Problem(
            409,
            "Already there",
            "It was.",
            type="urn:guanxi:problem:exists",
            errors=[FieldError("name", "is taken")],
            extra={"balance": 3, "status": 200},
        ),
    }

    @app.get("/fail/{how}")
    async def fail(how: str) -> None:
        raise failures[how]


@pytest.fixture
def app() -> FastAPI:
    app = create_app("Demo", ServiceSettings(service="demo"), body_limit=BODY_LIMIT)
    app.state.verifier = StaffIdentity().verifier
    failing(app)
    app.mount("/lane", lane)
    router = APIRouter(prefix="/v1/customers")

    @router.get("/{customer_id}", tags=["customers"])
    async def customer(
        customer_id: UUID,
        principal: Annotated[Principal, Depends(require("customer.read"))],
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
    ) -> dict[str, Any]:
        return {"customer_id": str(customer_id), "limit": limit, "by": principal.subject}

    @router.post("")
    async def order(order: Order) -> int:
        return len(order.items)

    add_routes(app, router)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[HttpClient]:
    async with client_of(app) as client:
        yield client


def problem(response: HttpResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["request_id"] == response.headers["x-request-id"]
    return document


async def test_a_raised_problem_is_its_document(client: HttpClient) -> None:
    document = problem(await client.get("/fail/problem"), 409)
    del document["request_id"]
    assert document == {
        "type": "urn:guanxi:problem:exists",
        "title": "Already there",
        "status": 409,
        "detail": "It was.",
        "errors": [{"field": "name", "reason": "is taken"}],
        "balance": 3,
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"items": [{"name": "ann"}, {"name": "too long"}, {}]}', ["items.1.name", "items.2.name"]),
        (b"{}", ["items"]),
        (b'{"items"', ["body"]),
        (b"", ["body"]),
        (b"[]", ["body"]),
        (b"\xff\xfe", ["body"]),
    ],
)
async def test_a_wrong_body_names_its_fields(client: HttpClient, body: bytes, fields: list[str]) -> None:
    response = await client.post("/v1/customers", content=body, headers={"content-type": "application/json"})
    document = problem(response, 400)
    assert [error["field"] for error in document.get("errors", [{"field": "body"}])] == fields
    assert "too long" not in response.text


@pytest.mark.parametrize(
    "path",
    ["/v1/customers/%00", "/v1/customers?phone=%00", "/v1/" + "x" * 3000, "/v1/customers?q=" + "x" * 9000],
)
async def test_nul_and_over_long_addresses_are_refused(client: HttpClient, path: str) -> None:
    problem(await client.get(path), 400)


async def test_unknown_paths_and_methods_are_problems(client: HttpClient) -> None:
    problem(await client.get("/nowhere"), 404)
    response = await client.request("DELETE", "/v1/customers")
    problem(response, 405)
    assert response.headers["allow"] == "POST"


async def test_a_body_over_the_limit_is_refused_declared_or_streamed(client: HttpClient) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 100 + 1):
            yield b"x" * 100

    for path in ("/lane/", "/v1/customers"):
        headers = {"content-type": "application/json"}
        problem(await client.post(path, content=b"x" * (BODY_LIMIT + 1), headers=headers), 413)
        problem(await client.post(path, content=stream(), headers=headers), 413)
    assert (await client.post("/lane/", content=b"x" * BODY_LIMIT)).text == str(BODY_LIMIT)


async def test_a_bare_lane_may_raise_problems(client: HttpClient) -> None:
    response = await client.post("/lane/", content=b"123")
    problem(response, 429)
    assert response.headers["retry-after"] == "9"


async def test_security_headers_stand_unless_the_application_set_them(client: HttpClient) -> None:
    response = await client.get("/nowhere")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert (await client.post("/lane/", content=b"12")).headers.get_list("cache-control") == ["max-age=5"]


async def test_a_usable_request_id_is_kept_and_another_replaced(client: HttpClient) -> None:
    given = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert (await client.get("/healthz", headers={"x-request-id": given})).headers["x-request-id"] == given
    replaced = (await client.get("/healthz", headers={"x-request-id": SECRET})).headers["x-request-id"]
    assert len(replaced) == 32


async def test_an_unforeseen_error_shows_nothing_and_is_logged_with_the_request_id(
    client: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.get("/fail/bug")
    problem(response, 500)
    assert "KeyError" not in response.text
    assert SECRET not in response.text
    (line,) = [record for record in caplog.records if record.name == "guanxi.http"]
    assert line.levelno == logging.ERROR
    assert isinstance(line.msg, dict)
    assert line.msg["request_id"] == response.headers["x-request-id"]
    assert line.msg["route"] == "/fail/{how}"
    assert line.msg["exception"]["type"] == "builtins.KeyError"
    assert SECRET not in json.dumps(line.msg)


@pytest.mark.parametrize("how", ["log", "database", "refused", "deadlock", "peer"])
async def test_a_neighbour_that_is_away_is_a_503_to_come_again(client: HttpClient, how: str) -> None:
    response = await client.get(f"/fail/{how}")
    document = problem(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    assert "10.0.0.1" not in document["detail"]


async def test_a_character_the_database_refuses_is_the_callers_fault(client: HttpClient) -> None:
    problem(await client.get("/fail/nul"), 400)


async def test_a_response_cut_short_is_counted_as_cut(app: FastAPI) -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("broken off")

    app.mount("/half", half)

    def count() -> float:
        labels = {"method": "GET", "route": "unmatched", "status": "cut"}
        return METRICS.registry.get_sample_value("guanxi_http_requests_total", labels) or 0.0

    before = count()
    async with client_of(app) as client:
        await client.get("/half/")
    assert count() == before + 1


async def test_metrics_know_routes_and_no_addresses(client: HttpClient) -> None:
    await client.get("/v1/customers/%2B12025550123?phone=%2B12025550199")
    await client.get("/%2B12025550123")
    text = (await client.get("/metrics")).text
    assert 'guanxi_http_requests_total{method="GET",route="/v1/customers/{customer_id}",status="401"}' in text
    assert 'route="unmatched",status="404"' in text
    assert "2025550" not in text


async def test_openapi_tells_security_and_problems(client: HttpClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"bearerAuth", "writeKey"}
    read = document["paths"]["/v1/customers/{customer_id}"]["get"]
    assert read["security"] == [{"bearerAuth": ["customer.read"]}]
    assert {"200", "400", "401", "403", "default"} == set(read["responses"])
    assert list(read["responses"]["400"]["content"]) == [PROBLEM_MEDIA_TYPE]
    write = document["paths"]["/v1/customers"]["post"]
    assert "401" not in write["responses"]
    assert "422" not in write["responses"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "/healthz" not in document["paths"]
    for page in ("/docs", "/redoc"):
        assert (await client.get(page)).status_code == 404


async def test_others_are_answered_while_the_document_is_made(app: FastAPI, client: HttpClient) -> None:
    begun, go_on = threading.Event(), threading.Event()
    times = 0

    def slow() -> dict[str, Any]:
        nonlocal times
        times += 1
        begun.set()
        assert go_on.wait(10)
        return {"openapi": "3.1.0"}

    app.openapi = slow  # type: ignore[method-assign]
    asked = [asyncio.create_task(client.get("/openapi.json")) for _ in range(2)]
    try:
        assert await asyncio.to_thread(begun.wait, 10)
        assert (await client.get("/healthz")).status_code == 200
    finally:
        go_on.set()
    assert {(await each).text for each in asked} == {'{"openapi":"3.1.0"}'}
    assert times == 1
