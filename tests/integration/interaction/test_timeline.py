"""The timeline as staff read it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest

from guanxi_kit.crypto import Keyring
from interaction_service.api.schemas import Timeline

from .conftest import NOW, Service
from .events import record, resolved


async def walk(service: Service, customer: UUID, **query: Any) -> list[list[Any]]:
    """Read page after page to the end."""
    pages: list[list[Any]] = []
    while True:
        response = await service.timeline(customer, **query)
        assert response.status_code == 200, response.text
        page = response.json()
        Timeline.model_validate(page)
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        query["cursor"] = page["next_cursor"]


async def test_pages_hold_every_touchpoint_once_newest_first(service: Service) -> None:
    people = [uuid4() for _ in range(4)]
    events = [
        resolved(
            service.keyring,
            people[number % 4],
            customer=people[0],
            at=NOW - timedelta(hours=number // 3 * 200),
        )
        for number in range(100)
    ]
    await record(service, *events)
    for limit in (1, 7, 100):
        pages = await walk(service, people[2], limit=limit)
        assert all(len(page) == limit for page in pages[:-1])
        items = [item for page in pages for item in page]
        assert {item["touchpoint_id"] for item in items} == {str(e.touchpoint.touchpoint_id) for e in events}
        assert len(items) == 100
        assert [item["occurred_at"] for item in items] == sorted(
            (item["occurred_at"] for item in items), reverse=True
        )


async def test_a_page_is_stable_while_touchpoints_arrive(service: Service) -> None:
    person = uuid4()
    await record(service, *(resolved(service.keyring, person, at=NOW - timedelta(days=d)) for d in range(10)))
    first = (await service.timeline(person, limit=5)).json()
    await record(service, resolved(service.keyring, person, at=NOW + timedelta(hours=1)))
    second = (await service.timeline(person, limit=5, cursor=first["next_cursor"])).json()
    seen = [item["occurred_at"] for item in first["items"] + second["items"]]
    assert len(set(seen)) == 10
    assert second["next_cursor"] is None


async def test_filters(service: Service) -> None:
    person = uuid4()
    events = [
        resolved(
            service.keyring,
            person,
            at=NOW - timedelta(hours=number),
            kind="page" if number % 400 == 399 else "track",
            channel="pos" if number % 2 else "web",
        )
        for number in range(2500)
    ]
    await record(service, *events)
    pages = await walk(service, person, kind="page", limit=50)
    assert [item["kind"] for page in pages for item in page] == ["page"] * 6
    assert len(pages) <= 4
    first = (await service.timeline(person, channel="pos", kind="track", limit=10)).json()["items"]
    assert [(item["channel"], item["kind"]) for item in first] == [("pos", "track")] * 10
    nothing = (await service.timeline(person, channel="app")).json()
    assert (nothing["items"], nothing["next_cursor"] is None) == ([], False)
    assert nothing["looked_back_to"] == (NOW - timedelta(hours=999)).isoformat().replace("+00:00", "Z")
    assert (await service.timeline(person, channel="app", cursor=nothing["next_cursor"])).json()[
        "items"
    ] == []
    either = await walk(service, person, channel=["web", "pos"], kind=["page", "screen"], limit=200)
    assert [item["kind"] for page in either for item in page] == ["page"] * 6


async def test_names_and_periods_choose_over_fragments_in_one_order(service: Service) -> None:
    first, second = uuid4(), uuid4()
    events = [
        resolved(
            service.keyring,
            second if number % 3 else first,
            customer=first,
            at=NOW - timedelta(days=number),
            name="Order Completed" if number % 2 else "Viewed",
        )
        for number in range(400)
    ]
    await record(service, *events)
    times = [event.touchpoint.occurred_at for event in events]
    period = {"from": times[300].isoformat(), "until": times[100].isoformat()}
    for limit in (7, 200):
        found = [item for page in await walk(service, second, limit=limit, **period) for item in page]
        assert [item["occurred_at"] for item in found] == [iso(at) for at in times[101:301]]
    query = {**period, "event": "Order Completed", "limit": 30}
    pages = await walk(service, first, **query)
    found = [item["occurred_at"] for page in pages for item in page]
    assert found == [iso(at) for at in times[101:301:2]]
    assert [len(page) for page in pages[:3]] == [30, 30, 30]
    shanghai = times[200].astimezone(timezone(timedelta(hours=8))).isoformat()
    (newest, *_) = (await service.timeline(first, until=shanghai)).json()["items"]
    assert newest["occurred_at"] == iso(times[201])


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_a_cursor_belongs_to_its_filter(service: Service) -> None:
    person = uuid4()
    await record(service, *(resolved(service.keyring, person, at=NOW - timedelta(days=d)) for d in range(3)))
    page = (await service.timeline(person, limit=1, channel=["web", "pos"])).json()
    same = await service.timeline(person, limit=1, channel=["pos", "web"], cursor=page["next_cursor"])
    assert len(same.json()["items"]) == 1
    for other in ({}, {"channel": "web"}, {"channel": ["web", "pos"], "kind": "track"}):
        response = await service.timeline(person, cursor=page["next_cursor"], **other)
        assert response.status_code == 400
        assert response.json()["errors"] == [
            {"field": "cursor", "reason": "is that of a page with another filter"}
        ]


async def test_content_is_opened_and_contact_data_masked(service: Service) -> None:
    person = uuid4()
    event = resolved(
        service.keyring,
        person,
        kind="identify",
        traits={"phone": "+12025550142", "email": "lin@example.com", "name": "Lin", "age": 41},
        properties={"note": "call +12025550142 or lin@example.com", "amount": 12.5, "mobile": 19900001234},
        context={"page": {"url": "https://shop.example.com/?email=lin@example.com", "title": 3}, "ip": "::1"},
    )
    await record(service, event)
    response = await service.timeline(person)
    assert "2025550142" not in response.text
    assert "lin@" not in response.text
    content = response.json()["items"][0]["content"]
    assert content["traits"] == {
        "phone": "+1 20****0142",
        "email": "l****@example.com",
        "name": "Lin",
        "age": 41,
    }
    assert content["properties"]["amount"] == 12.5
    assert content["properties"]["mobile"] == "199****1234"
    assert content["page"]["url"].startswith("https://shop.example.com/")
    assert content["page"]["title"] is None


async def test_content_of_a_lost_key_is_null(service: Service) -> None:
    person = uuid4()
    await record(service, resolved(Keyring.generate(), person), resolved(service.keyring, person))
    items = (await service.timeline(person)).json()["items"]
    assert sorted(item["content"] is None for item in items) == [False, True]


async def test_who_may_read(service: Service) -> None:
    person = uuid4()
    await record(service, resolved(service.keyring, person))
    for role, status in {"agent": 200, "admin": 200, "dpo": 200, "analyst": 403, "marketer": 403}.items():
        assert (await service.timeline(person, role=role)).status_code == status
    path = f"/v1/customers/{person}/timeline"
    assert (await service.client.get(path)).status_code == 401
    assert (await service.client.get(path, auth=("test-write-key-of-web", ""))).status_code == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "!" * 32}, "cursor"),
        ({"cursor": "A" * 65}, "cursor"),
        ({"cursor": "f" * 32}, "cursor"),
        ({"kind": "purchase"}, "kind.0"),
        ({"kind": ["track"] * 7}, "kind"),
        ({"channel": "x" * 101}, "channel.0"),
        ({"channel": ["x"] * 51}, "channel"),
        ({"event": "x" * 513}, "event.0"),
        ({"from": "2026-05-20"}, "from"),
        ({"from": "2026-05-20T08:00:00"}, "from"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"from": "2026-05-20T08:00:00Z", "until": "2026-05-20T16:00:00+08:00"}, "until"),
    ],
)
async def test_bad_queries_name_their_field(service: Service, query: dict[str, Any], field: str) -> None:
    response = await service.timeline(uuid4(), **query)
    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["field"] == field


async def test_an_unknown_customer(service: Service) -> None:
    assert (await service.timeline(uuid4())).status_code == 404
    response = await service.client.get("/v1/customers/x/timeline", headers=service.staff.headers("agent"))
    assert response.status_code == 400


async def test_nothing_personal_is_stored_in_clear(service: Service) -> None:
    person = uuid4()
    event = resolved(service.keyring, person, traits={"email": "lin@example.com", "note": "personal remark"})
    await record(service, event)
    async with service.database.connection() as connection:
        stored = await connection.fetch("SELECT * FROM touchpoint")
    assert b"personal" not in b"".join(bytes(row["sealed"]) for row in stored)
    assert "lin@" not in json.dumps([str(dict(row)) for row in stored])
