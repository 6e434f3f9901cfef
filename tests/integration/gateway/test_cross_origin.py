"""Web pages of other origins: SDKs may send from any site, the staff's API answers the frontends it was told of."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOP = {"origin": "https://shop.example.com"}
DESK = {"origin": "https://desk.example.com"}
ALLOWED = "access-control-allow-origin"


def _asking(method: str, *headers: str) -> dict[str, str]:
    return {"access-control-request-method": method, "access-control-request-headers": ",".join(headers)}


async def test_an_sdk_in_a_page_of_any_site_may_send_and_reads_the_answer(
    start_gateway: Any, stand_in: Any, stand_in_url: str
) -> None:
    gateway = await start_gateway(stand_in_url)
    stand_in.answers(200, {"success": True, "accepted": 1, "refused": []})
    async with gateway.client() as client:
        wanted = _asking("POST", "authorization", "content-type")
        preflight = await client.options("/v1/batch", headers={**SHOP, **wanted})
        assert preflight.status_code == 200
        assert preflight.headers[ALLOWED] == "*"
        assert "access-control-allow-credentials" not in preflight.headers
        sent = await client.post("/v1/batch", json={"batch": []}, headers=SHOP)
        assert (sent.status_code, sent.headers[ALLOWED]) == (200, "*")
        problem = await client.post("/v1/batch", content=b"{" * 2_000_000, headers=SHOP)
        assert (problem.status_code, problem.headers[ALLOWED]) == (413, "*")
        assert problem.headers["content-type"] == "application/problem+json"


async def test_the_staffs_api_is_open_to_its_frontends_only(start_gateway: Any, stand_in_url: str) -> None:
    closed = await start_gateway(stand_in_url)
    gateway = await start_gateway(stand_in_url, staff_origins=(DESK["origin"],))
    wanted = _asking("POST", "authorization", "idempotency-key")
    for front, origin, opens in ((gateway, DESK, True), (gateway, SHOP, False), (closed, DESK, False)):
        async with front.client() as client:
            preflight = await client.options("/v1/cases", headers={**origin, **wanted})
            answer = await client.get("/v1/tiers", headers=origin)
        allowed = origin["origin"] if opens else None
        assert preflight.headers.get(ALLOWED) == allowed
        assert (preflight.status_code == 200) is opens
        assert answer.headers.get(ALLOWED) == allowed
