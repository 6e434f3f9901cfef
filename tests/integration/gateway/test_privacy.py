"""Erasure passes to profile-service as it is, and an export is put together from all services piece by piece."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

ID = str(uuid4())
READS = {
    "/v1/privacy/erasures?state=alarm&limit=5&cursor=abc": "state=alarm&limit=5&cursor=abc",
    f"/v1/privacy/erasures/{ID}": "",
    f"/v1/privacy/erasures/{ID}/certificate": "",
    "/v1/privacy/partners": "",
}
WRITES = {
    "/v1/privacy/erasures": b'{"customer_id": "%s", "reason": "asked"}' % ID.encode(),
    f"/v1/privacy/erasures/{ID}/retry": b"",
    f"/v1/privacy/erasures/{ID}/receipts": b'{"place": "backups", "state": "done"}',
    f"/v1/privacy/partners/{ID}/disable": b"",
}
LINES = b'{"section":"a","item":{"n":1.50}}\n{"section":"a","item":{"n":2}}\n{"section":"b","item":"<x>"}\n'
NDJSON = "application/x-ndjson"


@pytest.mark.parametrize("path", READS)
async def test_the_data_protection_officer_reads(gateway: Any, stand_in: Any, path: str) -> None:
    stand_in.answers(200, b'{"as": "it is", "n": 1.50}')
    async with gateway.client("dpo") as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.content) == (200, b'{"as": "it is", "n": 1.50}')
    assert stand_in.seen[0].query == READS[path]
    async with gateway.client("team_lead") as client:
        assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize("path", WRITES)
async def test_the_data_protection_officer_decides(gateway: Any, stand_in: Any, path: str) -> None:
    headers = {"content-type": "application/json"}
    async with gateway.client("dpo") as client:
        assert (await client.post(path, content=WRITES[path], headers=headers)).status_code == 200
    [seen] = stand_in.seen
    assert (seen.method, seen.path, seen.body) == ("POST", path, WRITES[path])
    async with gateway.client("team_lead") as client:
        assert (await client.post(path, content=WRITES[path], headers=headers)).status_code == 403


async def test_pages_and_the_ledger_pass_as_what_they_are(gateway: Any, stand_in: Any) -> None:
    async with gateway.client("dpo") as client:
        stand_in.answers(200, b"<!doctype html>", "text/html; charset=utf-8")
        page = await client.get(f"/v1/privacy/erasures/{ID}/certificate", headers={"accept": "text/html"})
        assert (page.status_code, page.content) == (200, b"<!doctype html>")
        assert (await client.get(f"/v1/privacy/erasures/{ID}/certificate")).status_code == 502
        stand_in.answers(200, LINES, NDJSON)
        ledger = await client.get("/v1/privacy/ledger")
        assert (ledger.headers["content-type"], ledger.content) == (NDJSON, LINES)
        stand_in.answers(503, {"title": "away", "status": 503}, "application/problem+json")
        assert (await client.get("/v1/privacy/ledger")).status_code == 503


async def test_a_partner_needs_no_token_and_its_signature_goes_along(gateway: Any, stand_in: Any) -> None:
    body = b'{"request_id": "%s", "partner_id": "%s", "state": "done"}' % (ID.encode(), ID.encode())
    signed = {"webhook-id": "1", "webhook-timestamp": "2", "webhook-signature": "v1,x"}
    headers = {"content-type": "application/json", **signed}
    async with gateway.client() as client:
        await client.post("/v1/privacy/partner-receipts", content=body, headers=headers)
    [seen] = stand_in.seen
    assert seen.body == body
    assert signed.items() <= seen.headers.items()


async def test_an_export_is_one_document_of_all_services(gateway: Any, stand_in: Any) -> None:
    stand_in.answers(200, LINES, NDJSON)
    # Each service has sections of its own.
    stand_in.in_turn = [
        LINES.replace(b'"a"', b'"a%d"' % service).replace(b'"b"', b'"b%d"' % service) for service in range(4)
    ]
    path = f"/v1/customers/{ID}/export?reason=she%20asked%20for%20it"
    async with gateway.client("dpo") as client:
        answer = await client.get(path)
        document = json.loads(answer.content, object_pairs_hook=lambda pairs: pairs)
        page = await client.get(path, headers={"accept": "text/html"})
    names = [name for name, _ in document]
    parts = ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3"]
    assert names == ["customer_id", "exported_at", *parts], "one part of each service"
    assert document[2][1] == [[("n", 1.5)], [("n", 2)]]
    assert len(stand_in.seen) == 8
    assert {each.query for each in stand_in.seen} == {"reason=she+asked+for+it"}
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;x&gt;" in page.text
    async with gateway.client("agent") as client:
        assert (await client.get(path)).status_code == 403
    stand_in.answers(404, {"title": "Not Found", "status": 404}, "application/problem+json")
    async with gateway.client("dpo") as client:
        assert (await client.get(path)).status_code == 404
        unstated = await client.get(f"/v1/customers/{ID}/export")
    assert (unstated.status_code, unstated.json()["errors"][0]["field"]) == (400, "reason")


async def test_half_an_export_never_looks_whole(gateway: Any, stand_in: Any) -> None:
    stand_in.answers(200, LINES + b'{"section":"b","it', NDJSON)
    url = f"{gateway.url}/v1/customers/{ID}/export?reason=she%20asked%20for%20it"
    headers = {"authorization": f"Bearer {gateway.staff.token('dpo')}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
