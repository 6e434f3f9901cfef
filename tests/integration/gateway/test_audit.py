"""The audit of all services as one: merged by time, paged, verified one service after another; consents pass."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from .conftest import Gateway, StartGateway
from .stand_ins import StandIn, listening

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICES = ("profile", "interaction", "scoring", "notification")
ID = str(uuid4())


@pytest_asyncio.fixture(loop_scope="session")
async def stand_ins(start_gateway: StartGateway) -> AsyncIterator[tuple[Gateway, dict[str, StandIn]]]:
    """A gateway with a stand-in for each service."""
    async with AsyncExitStack() as stack:
        stand_ins = {name: StandIn() for name in SERVICES}
        urls = {
            f"{name}_url": await stack.enter_async_context(listening(each))
            for name, each in stand_ins.items()
        }
        yield await start_gateway(**urls), stand_ins


def access(service: str, at: str, sequence: int) -> dict[str, Any]:
    return {
        "service": service,
        "at": at,
        "chain_id": str(UUID(int=sequence)),
        "sequence": sequence,
        "more": [1.50],
    }


async def test_accesses_of_all_services_are_merged_by_time(
    stand_ins: tuple[Gateway, dict[str, StandIn]],
) -> None:
    gateway, services = stand_ins
    for number, (name, stand_in) in enumerate(services.items()):
        times = [f"2024-05-01T0{8 - number}:00:00Z", f"2024-05-01T0{8 - number}:00:00.5Z"]
        items = [access(name, times[1], number), access(name, times[0], number)]
        stand_in.answers(200, {"items": items, "next_cursor": "more" if name == "profile" else None})
    async with gateway.client("dpo") as client:
        first = (await client.get("/v1/audit", params={"subject": "li", "limit": 3})).json()
        cursor = first["next_cursor"]
        await client.get("/v1/audit", params={"customer_id": ID, "limit": 3, "cursor": cursor})
        both = await client.get("/v1/audit", params={"customer_id": ID, "subject": "li"})
    assert [(each["service"], each["at"][-4:]) for each in first["items"]] == [
        ("profile", "0.5Z"),
        ("profile", ":00Z"),
        ("interaction", "0.5Z"),
    ]
    assert both.status_code == 400
    for stand_in in services.values():
        assert [seen.query for seen in stand_in.seen] == [
            "subject=li&limit=3",
            f"customer_id={ID}&limit=3&cursor={cursor}",
        ]
    services["scoring"].answers(503, {"status": 503}, "application/problem+json")
    async with gateway.client("dpo") as client:
        assert (await client.get("/v1/audit", params={"subject": "li"})).status_code == 503
    async with gateway.client("team_lead") as client:
        assert (await client.get("/v1/audit", params={"subject": "li"})).status_code == 403


async def test_the_verification_goes_through_the_services(
    stand_ins: tuple[Gateway, dict[str, StandIn]],
) -> None:
    gateway, services = stand_ins
    for name, stand_in in services.items():
        stand_in.answers(200, {"service": name, "findings": [], "next_cursor": None})
    services["profile"].answers(200, {"service": "profile", "findings": [], "next_cursor": "abc"})
    seen: list[str] = []
    cursor = None
    async with gateway.client("dpo") as client:
        while len(seen) < 9:
            page = (await client.get("/v1/audit/verify", params={"cursor": cursor} if cursor else {})).json()
            seen.append(page["service"])
            services["profile"].answers(200, {"service": "profile", "findings": [], "next_cursor": None})
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ["profile", *SERVICES]
        assert [each.query for each in services["profile"].seen] == ["", "cursor=abc"]
        anchor = {"service": "scoring", "anchor": "7:" + "ab" * 16}
        assert (await client.get("/v1/audit/verify", params=anchor)).json()["next_cursor"] is None
        for wrong in (
            {"anchor": anchor["anchor"]},
            {"cursor": "nobody.x"},
            {"cursor": "profile.", "service": "scoring"},
        ):
            assert (await client.get("/v1/audit/verify", params=wrong)).status_code == 400


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (f"/v1/customers/{ID}/consents", ""),
        (f"/v1/customers/{ID}/consents/history?limit=5", "limit=5"),
        (
            f"/v1/customers/{ID}/consents/history?clear=true&reason=because+of+it",
            "clear=true&reason=because+of+it",
        ),
        (f"/v1/consents/check?customer_id={ID}&purpose=a&channel=b", f"customer_id={ID}&purpose=a&channel=b"),
        (f"/v1/customers/{ID}/consents/proof", "format=json&language=zh"),
        (f"/v1/customers/{ID}?clear=true&reason=because+of+it", "clear=true&reason=because+of+it"),
        (f"/v1/customers/{ID}?reason=because+of+it", ""),
    ],
)
async def test_reads_pass(gateway: Gateway, stand_in: StandIn, path: str, query: str) -> None:
    async with gateway.client("dpo") as client:
        assert (await client.get(path)).status_code == 200
    # A view asks the timeline besides.
    seen = [(each.path, each.query) for each in stand_in.seen if not each.path.endswith("/timeline")]
    assert seen == [(path.partition("?")[0], query)]


async def test_lines_and_pages_pass_as_they_are(gateway: Gateway, stand_in: StandIn) -> None:
    lines = b'{"item_id": "1"}\n\nnot json\n'
    async with gateway.client("dpo") as client:
        headers = {"content-type": "application/x-ndjson"}
        assert (await client.post("/v1/consents/import", content=lines, headers=headers)).status_code == 200
        stand_in.answers(200, b"<h1>proof</h1>", "text/html; charset=utf-8")
        page = await client.get(f"/v1/customers/{ID}/consents/proof?format=html&language=en")
    assert (page.status_code, page.text) == (200, "<h1>proof</h1>")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert stand_in.seen[0].body == lines
    assert stand_in.seen[0].headers["content-type"] == "application/x-ndjson"
