"""The timeline as staff read it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.crypto import Keyring
from interaction_service.adapters.timeline import MonthlyPartitions, PostgresTimelineWriter
from interaction_service.api.schemas import Timeline
from interaction_service.application.recording import Recording
from interaction_service.consumers.touchpoint_resolved import command

from .conftest import NOW, Service
from .events import resolved


async def record(service: Service, *events: TouchpointResolvedV1) -> None:
    """Store touchpoints as the worker does."""
    recording = Recording(MonthlyPartitions(service.database))
    async with service.database.transaction() as connection:
        await recording.record(command(events), PostgresTimelineWriter(connection))


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
    assert (await service.timeline(person, channel="app")).json()["items"] == []


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
        ({"kind": "purchase"}, "kind"),
        ({"channel": "x" * 101}, "channel"),
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
