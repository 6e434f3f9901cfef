"""A touchpoint travels the whole way: from a channel to the view, the timeline, the score, a mail and a frontend."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.testing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
WAIT_SECONDS = 30.0


@dataclass
class Person:
    """A made-up customer whom no other test knows."""

    user_id: str = field(default_factory=lambda: f"ada-{uuid.uuid4().hex[:12]}")

    @property
    def address(self) -> str:
        return f"{self.user_id}@example.com"

    @property
    def sign_up(self) -> dict[str, Any]:
        return {
            "type": "identify",
            "messageId": f"sign-up-{self.user_id}",
            "userId": self.user_id,
            "traits": {"email": self.address.upper(), "name": "Ada Example"},
        }

    @property
    def first_order(self) -> dict[str, Any]:
        return {
            "type": "track",
            "messageId": f"order-{self.user_id}",
            "userId": self.user_id,
            "event": "Order Completed",
            "properties": {"order_id": "A-1", "revenue": 42.5, "currency": "CNY", "quantity": 2},
        }


@pytest_asyncio.fixture(loop_scope="session")
async def staff(world: World) -> AsyncIterator[HttpClient]:
    async with make_client(world.url, token=world.credentials.token("agent")) as client:
        yield client


@asynccontextmanager
async def channel(world: World) -> AsyncIterator[HttpClient]:
    async with make_client(world.url) as client:
        client.auth = (world.credentials.write_keys["web"], "")
        yield client


async def post(world: World, *messages: dict[str, Any]) -> None:
    async with channel(world) as client:
        response = await client.post("/v1/batch", json={"batch": list(messages)})
    assert response.status_code == 200, response.text
    assert response.json()["accepted"] == len(messages)


async def look_up(staff: HttpClient, address: str) -> str:
    async def found() -> str | bool:
        response = await staff.get("/v1/customers", params={"email": address})
        assert response.status_code == 200, response.text
        items = response.json()["items"]
        return items[0]["customer_id"] if len(items) == 1 else False

    return str(await eventually(found, timeout=WAIT_SECONDS))


async def view_of(staff: HttpClient, customer_id: str) -> dict[str, Any]:
    response = await staff.get(f"/v1/customers/{customer_id}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def mails_to(world: World, address: str) -> list[Path]:
    """Mails in the mailbox for an address."""
    found = []
    for path in (world.options.folder / "mailbox").rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if address in str(message["To"]).lower():
                found.append(path)
    return found


async def test_reaches_view_timeline_score_and_mailbox(world: World, staff: HttpClient) -> None:
    person = Person()
    await post(world, person.sign_up, person.first_order)

    customer_id = await look_up(staff, person.address)

    async def complete() -> None:
        view = await view_of(staff, customer_id)
        assert view["touchpoints"] == 2
        assert view["purchases"]["count"] == 1
        assert view["purchases"]["amount_minor"] == 4250
        assert view["purchases"]["currency"] == "CNY"
        assert view["channels"] == {"web": 2}
        assert view["traits"]["name"]["value"] == "Ada Example"
        assert view["scores"].get("rfm", {}).get("tier") in {"high_value", "potential", "ordinary"}
        assert person.address not in json.dumps(view), "addresses are masked in the view"

    await eventually(complete, timeout=WAIT_SECONDS)
    await eventually(lambda: timeline_is_complete(staff, customer_id), timeout=WAIT_SECONDS)
    await eventually(lambda: len(mails_to(world, person.address)) == 1, timeout=WAIT_SECONDS)
    scores = (await staff.get(f"/v1/customers/{customer_id}/scores")).json()
    assert scores["rfm"]["frequency"] == 1

    async def logged_as_sent() -> None:
        messages = (await staff.get(f"/v1/customers/{customer_id}/messages")).json()
        assert [item["state"] for item in messages["items"]] == ["sent"]

    await eventually(logged_as_sent, timeout=WAIT_SECONDS)


async def timeline_is_complete(staff: HttpClient, customer_id: str) -> None:
    response = await staff.get(f"/v1/customers/{customer_id}/timeline")
    assert response.status_code == 200, response.text
    items = response.json()["items"]
    assert sorted(item["kind"] for item in items) == ["identify", "track"]
    [order] = [item for item in items if item["kind"] == "track"]
    assert order["name"] == "Order Completed"
    assert order["content"]["properties"]["order_id"] == "A-1"


async def test_a_repeated_post_changes_nothing(world: World, staff: HttpClient) -> None:
    person, marker = Person(), Person()
    await post(world, person.sign_up, person.first_order)
    customer_id = await look_up(staff, person.address)
    await eventually(lambda: len(mails_to(world, person.address)) == 1, timeout=WAIT_SECONDS)

    for _ in range(3):
        await post(world, person.sign_up, person.first_order)
    # What comes behind the repeats for the same person shows that they were handled.
    later = {**person.first_order, "event": "Page Left", "messageId": f"later-{marker.user_id}"}
    await post(world, later)

    async def later_is_in() -> None:
        assert (await view_of(staff, customer_id))["touchpoints"] == 3

    await eventually(later_is_in, timeout=WAIT_SECONDS)
    view = await view_of(staff, customer_id)
    assert (view["purchases"]["count"], view["purchases"]["amount_minor"]) == (1, 4250)
    assert len(mails_to(world, person.address)) == 1


async def test_a_frontend_sees_the_change(world: World, staff: HttpClient) -> None:
    person = Person()
    ready = asyncio.Event()
    changed: set[str] = set()
    following = asyncio.create_task(follow(world, ready, changed))
    try:
        await asyncio.wait_for(ready.wait(), WAIT_SECONDS)
        await post(world, person.sign_up)
        customer_id = await look_up(staff, person.address)
        await eventually(lambda: customer_id in changed, timeout=WAIT_SECONDS)
    finally:
        following.cancel()
        await asyncio.wait((following,))


async def follow(world: World, ready: asyncio.Event, changed: set[str]) -> None:
    """Read the change stream and note the customers that changed."""
    token = world.credentials.token("agent")
    async with (
        make_client(world.url, token=token, timeout=60.0) as client,
        client.stream("GET", "/v1/changes") as stream,
    ):
        assert stream.status_code == 200
        async for line in stream.aiter_lines():
            if line == "event: ready":
                ready.set()
            if line.startswith("data:") and "customer_id" in line:
                changed.add(json.loads(line.removeprefix("data:"))["customer_id"])


async def test_two_channels_become_one_customer(world: World, staff: HttpClient) -> None:
    person = Person()
    anonymous = f"device-{person.user_id}"
    page = {"type": "page", "name": "Home", "messageId": f"page-{person.user_id}", "anonymousId": anonymous}
    await post(world, page)
    await post(world, {**person.sign_up, "anonymousId": anonymous})

    customer_id = await look_up(staff, person.address)

    async def joined() -> None:
        assert (await view_of(staff, customer_id))["touchpoints"] == 2

    await eventually(joined, timeout=WAIT_SECONDS)


async def test_keys_and_tokens_open_only_their_own_doors(world: World, staff: HttpClient) -> None:
    async with channel(world) as client:
        assert (await client.get("/v1/customers", params={"email": "a@example.com"})).status_code == 401
    async with make_client(world.url) as nobody:
        assert (await nobody.get("/v1/stats")).status_code == 401
        assert (await nobody.post("/v1/track", json={"event": "x", "userId": "y"})).status_code == 401
        assert (await nobody.get("/healthz")).status_code == 200
    assert (await staff.get("/v1/stats")).status_code == 403
