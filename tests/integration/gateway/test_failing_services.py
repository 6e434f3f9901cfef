"""What a service answers that cannot be passed on, or does not answer at all, becomes a clear answer."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from guanxi_kit.testing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROBLEM = "application/problem+json"


async def ask(gateway: Any, path: str) -> httpx.Response:
    client: httpx.AsyncClient
    async with gateway.client("admin") as client:
        if path == "/v1/batch":
            return await client.post(path, content=b"{}")
        return await client.get(path)


def assert_upstream_problem(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["status"] == status
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("path", ["/v1/tiers", "/v1/batch"])
@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 503])
async def test_a_problem_of_a_service_passes_in_its_shape(
    gateway: Any, stand_in: Any, path: str, status: int
) -> None:
    problem = {"type": "urn:guanxi:problem:x", "title": "X", "status": status, "more": [1]}
    stand_in.answers(status, problem, PROBLEM, retry_after="7", www_authenticate="Basic", x_internal="no")
    answer = await ask(gateway, path)
    assert (answer.status_code, answer.json()) == (status, problem)
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == (PROBLEM, "7")
    assert "x-internal" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/tiers", "/v1/batch"])
async def test_a_service_that_is_not_there_is_a_503(start_gateway: Any, path: str) -> None:
    assert_upstream_problem(await ask(await start_gateway(), path), 503)


async def test_a_customer_with_a_link_is_told_in_a_page(
    start_gateway: Any, gateway: Any, stand_in: Any
) -> None:
    stand_in.answers(503, {"status": 503}, PROBLEM)
    for behind in (await start_gateway(), gateway):
        answer = await ask(behind, "/s/token")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["content-type"].startswith("text/html")
        assert "请稍后再试" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/v1/tiers", "/v1/batch"])
async def test_a_slow_service_is_a_504_and_holds_nobody_else_up(
    start_gateway: Any, stand_in_url: str, stand_in: Any, path: str
) -> None:
    gateway = await start_gateway(stand_in_url, upstream_timeout=1.5, ingest_timeout=1.5)
    stand_in.hold = asyncio.Event()
    slow = [asyncio.create_task(ask(gateway, path)) for _ in range(5)]
    await eventually(lambda: len(stand_in.seen) == 5)
    hold, stand_in.hold = stand_in.hold, None
    assert (await ask(gateway, path)).status_code == 200
    for answer in await asyncio.gather(*slow):
        assert_upstream_problem(answer, 504)
    hold.set()


@pytest.mark.parametrize("path", ["/v1/tiers", "/v1/batch"])
@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        (500, b"Internal Server Error", "text/plain"),
        (200, b"<html>", "text/html"),
        (302, b"", "text/plain"),
        (204, b"", "application/octet-stream"),
    ],
)
async def test_what_is_not_understood_is_a_502(
    gateway: Any, stand_in: Any, path: str, status: int, body: bytes, media_type: str
) -> None:
    stand_in.answers(status, body, media_type, location="http://example.com/")
    assert_upstream_problem(await ask(gateway, path), 502)


@pytest.mark.parametrize("path", ["/v1/tiers", "/v1/batch"])
async def test_an_answer_cut_short_is_a_502(gateway: Any, stand_in: Any, path: str) -> None:
    stand_in.drop = True
    assert_upstream_problem(await ask(gateway, path), 502)
    assert len(stand_in.seen) == 1


@pytest.mark.parametrize("path", ["/v1/tiers", "/v1/batch"])
async def test_a_huge_answer_is_a_502(
    start_gateway: Any, stand_in_url: str, stand_in: Any, path: str
) -> None:
    gateway = await start_gateway(stand_in_url, answer_max_bytes=1_000_000)
    stand_in.answers(200, b'"' + b"x" * 5_000_000 + b'"')
    assert_upstream_problem(await ask(gateway, path), 502)
    stand_in.answers(200, b'"' + b"x" * 900_000 + b'"')
    assert (await ask(gateway, path)).status_code == 200


async def test_what_happened_can_be_counted(start_gateway: Any) -> None:
    gateway = await start_gateway()
    await ask(gateway, "/v1/batch")
    async with gateway.client() as client:
        text = (await client.get("/metrics")).text
    assert (
        'guanxi_gateway_upstream_failures_total{failure="unreachable",service="interaction-service"}' in text
    )
    assert 'route="/v1/batch"' in text
