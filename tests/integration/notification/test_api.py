"""GET /v1/messages and the call for contacts, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI, Request, Response

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.http import HttpClient
from guanxi_kit.testing import StaffIdentity, client_of
from notification_service.adapters.contacts import ProfileContacts
from notification_service.application.ports import Contact, ContactsUnavailable
from notification_service.main import make_api
from notification_service.settings import NotificationSettings

from .conftest import PACKS, Notification, merge, person, touchpoint


@pytest.fixture
def identity() -> StaffIdentity:
    return StaffIdentity()


@pytest.fixture
async def api(
    notification: Notification, database_dsns: DatabaseDsns, identity: StaffIdentity, tmp_path: Path
) -> AsyncIterator[HttpClient]:
    settings = database_dsns.settings(
        NotificationSettings,
        "notification",
        keyring=notification.keyring.to_json(),
        jwks_file=identity.write_jwks(tmp_path / "jwks.json"),
        pack_dir=PACKS,
    )
    async with client_of(make_api(settings), token=identity.token("agent")) as client:
        yield client


async def test_messages_with_their_decisions_follow_a_merge(
    notification: Notification, api: HttpClient
) -> None:
    await notification.apply(touchpoint(1), touchpoint(2), touchpoint(9))
    await notification.apply(merge(1, 2, (2, 2)))
    notification.clock.advance(1)
    await notification.apply(touchpoint(2))
    response = await api.get("/v1/messages", params={"customer_id": str(person(2))})
    assert response.status_code == 200
    page = response.json()
    assert (page["customer_id"], page["redirected_from"]) == (str(person(1)), str(person(2)))
    found = {UUID(item["profile_id"]).int: item for item in page["items"]}
    assert set(found) == {1, 2}
    assert {item["state"] for item in page["items"]} == {"planned"}
    assert [decision["code"] for decision in found[1]["decisions"]] == ["enrolled", "already_enrolled"]


async def test_pages_hold_everything_once(notification: Notification, api: HttpClient) -> None:
    await notification.apply(*(touchpoint(number) for number in range(1, 8)))
    await notification.apply(merge(1, 2, *((number, 2) for number in range(2, 8))))
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        params = {"customer_id": str(person(1)), "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/v1/messages", params=params)).json()
        seen += [item["send_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "customer_id"),
        ("customer_id=x", "customer_id"),
        (f"customer_id={person(1)}&limit=0", "limit"),
        (f"customer_id={person(1)}&limit=201", "limit"),
        (f"customer_id={person(1)}&cursor=%21%21", "cursor"),
        (f"customer_id={person(1)}&cursor=AAAA", "cursor"),
        (f"customer_id={person(1)}&cursor={'f' * 32}", "cursor"),
    ],
)
async def test_bad_queries_are_named(api: HttpClient, query: str, field: str) -> None:
    response = await api.get(f"/v1/messages?{query}")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert field in str(response.json()["errors"])


async def test_who_may_read(api: HttpClient, identity: StaffIdentity) -> None:
    url = f"/v1/messages?customer_id={person(404)}"
    assert (await api.get(url)).json()["items"] == []
    assert (await api.get(url, headers=identity.headers("analyst"))).status_code == 403
    assert (await api.get(url, headers={"authorization": "Bearer x"})).status_code == 401


def profile(answer: Any, status: int = 200) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/contacts")
    async def contacts(request: Request) -> Response:
        asked = await request.json()
        assert (asked["channel"], asked["purpose"]) == ("email", "service")
        assert len(asked["customer_ids"]) <= 500
        body = answer(asked["customer_ids"]) if callable(answer) else answer
        return Response(body, status, media_type="application/json")

    return app


async def test_contacts_are_asked_for_in_portions() -> None:
    def answer(ids: list[str]) -> str:
        items = [
            f'{{"customer_id":"{one}","survivor_id":"{one}","addresses":["{one}@example.com"],"traits":{{"name":"A"}},"consent":false}}'
            for one in ids
        ]
        return f'{{"items":[{",".join(items)}]}}'

    async with client_of(profile(answer)) as client:
        found = await ProfileContacts(client).fetch([person(number) for number in range(1200)], "service")
    assert len(found) == 1200
    assert found[person(7)] == Contact(f"{person(7)}@example.com", {"name": "A"}, False)


@pytest.mark.parametrize(
    ("answer", "status"),
    [('{"items":[]}', 503), ("nonsense", 200), ('{"items":[{"traits":{}}]}', 200), ("{}", 403)],
)
async def test_an_answer_that_is_none_means_unavailable(answer: str, status: int) -> None:
    async with client_of(profile(answer, status)) as client:
        with pytest.raises(ContactsUnavailable):
            await ProfileContacts(client).fetch([person(1)], "service")
