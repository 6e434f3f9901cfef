"""Ingest and reads pass to the services behind, within limits."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from guanxi_kit.testing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = ("identify", "track", "page", "screen", "group", "alias", "batch", "import")
PROBLEM = "application/problem+json"
READS = {
    "/v1/customers?email=ada%40example.com": ("/v1/customers", "email=ada%40example.com"),
    "/v1/customers?phone=%2B447700900123": ("/v1/customers", "phone=%2B447700900123"),
    "/v1/customers?wechat_openid=o-1&namespace=wx-1": (
        "/v1/customers",
        "wechat_openid=o-1&namespace=wx-1",
    ),
    "/v1/customers?student_number=7": ("/v1/customers", "student_number=7"),
    "/v1/customers?customer_number=C20240501001": ("/v1/customers", "customer_number=C20240501001"),
    "/v1/customers/{id}/timeline?limit=5&cursor=abc&kind=track&channel=web": (
        "/v1/customers/{id}/timeline",
        "limit=5&cursor=abc&kind=track&channel=web",
    ),
    "/v1/customers/{id}/timeline?channel=web&channel=pos&kind=track&kind=page&event=Paid&text=%E9%80%80%E6%AC%BE"
    "&from=2026-05-01T08%3A00%3A00%2B08%3A00&until=2026-05-02T00%3A00%3A00Z": (
        "/v1/customers/{id}/timeline",
        "kind=track&kind=page&channel=web&channel=pos&event=Paid&from=2026-05-01T08%3A00%3A00%2B08%3A00"
        "&until=2026-05-02T00%3A00%3A00%2B00%3A00&text=%E9%80%80%E6%AC%BE",
    ),
    "/v1/customers/{id}/timeline?moments=true": ("/v1/customers/{id}/timeline", "moments=true"),
    "/v1/customers/{id}/moments": ("/v1/customers/{id}/moments", ""),
    "/v1/customers/{id}/scores": ("/v1/customers/{id}/scores", ""),
    "/v1/customers/{id}/messages?limit=5": ("/v1/messages", "customer_id={id}&limit=5"),
    "/v1/tiers": ("/v1/tiers", ""),
    "/v1/stats": ("/v1/stats", ""),
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_touchpoint_passes_as_it_is(gateway: Any, stand_in: Any, path: str) -> None:
    stand_in.answers(200, {"success": True, "accepted": 1, "refused": []})
    body = gzip.compress(b'{"userId":"ada","event":"x"}')
    headers = {
        "content-encoding": "gzip",
        "content-type": "application/json",
        "user-agent": "analytics-python/2.3",
        "connection": "keep-alive, x-secret",
        "x-secret": "for this hop",
        "te": "trailers",
        "x-forwarded-for": "203.0.113.9",
    }
    async with gateway.client() as client:
        answer = await client.post(f"/v1/{path}", content=body, headers=headers, auth=("key", ""))
    assert (answer.status_code, answer.json()) == (200, {"success": True, "accepted": 1, "refused": []})
    [seen] = stand_in.seen
    assert (seen.method, seen.path, seen.body) == ("POST", f"/v1/{path}", body)
    assert seen.headers["authorization"] == httpx.BasicAuth("key", "")._auth_header
    assert seen.headers["content-encoding"] == "gzip"
    assert seen.headers["user-agent"] == "analytics-python/2.3"
    assert seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["x-request-id"] == answer.headers["x-request-id"]
    assert not {"x-secret", "te"} & set(seen.headers)


@pytest.mark.parametrize("path", PATHS[:-1])
async def test_sdks_of_browsers_and_phones_call_by_the_first_letter(
    gateway: Any, stand_in: Any, path: str
) -> None:
    stand_in.answers(200, {"success": True, "accepted": 1, "refused": []})
    async with gateway.client() as client:
        headers = {"origin": "https://shop.example.com", "content-type": "text/plain"}
        answer = await client.post(f"/v1/{path[0]}", content=b'{"writeKey":"key"}', headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert [seen.path for seen in stand_in.seen] == [f"/v1/{path}"]


async def test_a_webhook_passes_with_its_query_and_any_answer(gateway: Any, stand_in: Any) -> None:
    stand_in.answers(200, b"success", media_type="text/plain; charset=utf-8")
    path = "/v1/hooks/till?signature=a%2Bb&echostr=%E4%BD%A0&timestamp=1"
    async with gateway.client() as client:
        answer = await client.post(path, content=b"<xml/>", headers={"x-signature": "sha256=1"})
        assert (answer.text, answer.headers["content-type"]) == ("success", "text/plain; charset=utf-8")
        assert (await client.get(path)).text == "success"
        assert (await client.delete(path)).status_code == 405
        assert [(one.method, one.path, one.query) for one in stand_in.seen] == [
            (method, "/v1/hooks/till", path.partition("?")[2]) for method in ("POST", "GET")
        ]
        assert stand_in.seen[0].headers["x-signature"] == "sha256=1"
        stand_in.answers(401, b"no", media_type="text/plain")
        assert (await client.post(path)).headers["content-type"] == PROBLEM


async def test_a_body_in_pieces_passes_whole(gateway: Any, stand_in: Any) -> None:
    pieces = [bytes([number]) * 60_000 for number in range(15)]

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
            await asyncio.sleep(0)

    async with gateway.client() as client:
        assert (await client.post("/v1/batch", content=body())).status_code == 200
    assert stand_in.seen[0].body == b"".join(pieces)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused(
    start_gateway: Any, stand_in_url: str, stand_in: Any, announced: bool
) -> None:
    gateway = await start_gateway(stand_in_url, ingest_max_bytes=10_000)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1_000
            await asyncio.sleep(0.001)

    content = b"x" * 20_000 if announced else body()
    async with gateway.client() as client:
        answer = await client.post("/v1/batch", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
    assert all(not seen.complete for seen in stand_in.seen)
    async with gateway.client() as client:
        assert (await client.post("/v1/batch", content=b"{}")).status_code == 200


async def test_a_caller_that_hangs_up_leaves_nothing_behind(gateway: Any, stand_in: Any) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n" + b"x" * 500)
    await writer.drain()
    await eventually(lambda: stand_in.begun == 1)
    writer.close()
    await eventually(lambda: [seen.complete for seen in stand_in.seen] == [False])
    async with gateway.client() as client:
        assert (await client.post("/v1/batch", content=b"{}")).status_code == 200


@pytest.mark.parametrize("path", READS)
async def test_a_read_passes_to_the_service_that_owns_it(
    gateway: Any, stand_in: Any, staff: Any, path: str
) -> None:
    customer_id = str(uuid4())
    stand_in.answers(200, b'{"as": "it is", "n": 1.50}')
    async with gateway.client("admin") as client:
        answer = await client.get(path.replace("{id}", customer_id))
    assert (answer.status_code, answer.content) == (200, b'{"as": "it is", "n": 1.50}')
    assert answer.headers["content-type"] == "application/json"
    wanted_path, wanted_query = (part.replace("{id}", customer_id) for part in READS[path])
    [seen] = stand_in.seen
    assert seen.path == wanted_path
    assert sorted(httpx.QueryParams(seen.query).items()) == sorted(httpx.QueryParams(wanted_query).items())
    assert staff.verifier.verify(seen.headers["authorization"].removeprefix("Bearer ")).role == "admin"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (
            "",
            [
                "customer_number",
                "phone",
                "email",
                "member_number",
                "user_id",
                "wechat_unionid",
                "wechat_openid",
                "wecom_external_id",
                "third_party_account",
                "anonymous_id",
                "device_id",
                "enterprise_account",
            ],
        ),
        ("?phone=1&email=a", ["phone", "email"]),
        ("?student_number=7&club_card=8", ["student_number", "club_card"]),
        ("?phone=", ["phone"]),
    ],
)
async def test_a_look_up_takes_exactly_one_identifier(
    gateway: Any, stand_in: Any, query: str, fields: list[str]
) -> None:
    async with gateway.client("agent") as client:
        answer = await client.get(f"/v1/customers{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == fields
    assert stand_in.seen == []


async def test_who_may_not_read_is_refused_here(gateway: Any, stand_in: Any) -> None:
    customer = f"/v1/customers/{uuid4()}"
    async with gateway.client() as nobody:
        assert (await nobody.get(customer)).status_code == 401
        assert (await nobody.get(customer, auth=("write-key", ""))).status_code == 401
    async with gateway.client("analyst") as analyst:
        assert (await analyst.get(customer)).status_code == 403
    assert stand_in.seen == []


async def test_wrong_methods_and_paths_are_problems(gateway: Any) -> None:
    async with gateway.client("admin") as client:
        wrong_method = await client.get("/v1/track")
        nowhere = await client.get("/v1/nowhere")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    assert nowhere.status_code == 404
    assert {wrong_method.headers["content-type"], nowhere.headers["content-type"]} == {PROBLEM}


async def test_a_body_that_does_not_come_is_given_up(
    gateway: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guanxi_gateway.api.ingest.BODY_SECONDS", 0.2)
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
    await writer.drain()
    assert (await asyncio.wait_for(reader.readline(), 20)).split()[1] == b"408"
    writer.close()
    assert all(not seen.complete for seen in stand_in.seen)


async def test_limits_are_per_write_key_whatever_the_rest_of_the_credential(
    start_gateway: Any, stand_in_url: str
) -> None:
    gateway = await start_gateway(stand_in_url, write_key_rate=1, rate_burst_seconds=3)
    async with gateway.client() as client:
        answers = [
            await client.post("/v1/track", content=b"{}", auth=("key", str(number))) for number in range(4)
        ]
        other = await client.post("/v1/track", content=b"{}", auth=("other", ""))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (answers[3].headers["retry-after"], answers[3].headers["content-type"]) == ("1", PROBLEM)
    assert other.status_code == 200


async def test_limits_are_per_principal_and_per_address(
    start_gateway: Any, stand_in_url: str, staff: Any
) -> None:
    gateway = await start_gateway(stand_in_url, principal_rate=1, rate_burst_seconds=2)
    async with gateway.client("admin") as client:
        statuses = [(await client.get("/v1/tiers")).status_code for _ in range(3)]
        headers = {"authorization": f"Bearer {staff.token('analyst', 'somebody else')}"}
        assert (await client.get("/v1/tiers", headers=headers)).status_code == 200
    assert statuses == [200, 200, 429]
    gateway = await start_gateway(stand_in_url, address_rate=0.01, rate_burst_seconds=300)
    async with gateway.client() as client:
        statuses = [(await client.get("/v1/tiers")).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_one_document_describes_everything(gateway: Any) -> None:
    async with gateway.client(timeout=60.0) as client:
        document = (await client.get("/openapi.json")).json()
    assert {f"/v1/{name}" for name in PATHS} < set(document["paths"])
    assert {path.partition("?")[0].replace("{id}", "{customer_id}") for path in READS} < set(
        document["paths"]
    )
    assert "/v1/changes" in document["paths"]
    assert json.dumps(document)
