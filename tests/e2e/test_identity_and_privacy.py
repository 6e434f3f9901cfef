"""What staff do with customers through the gateway: part and join them, mend, classify, ask consent, audit, erase."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.roles import Role
from guanxi_kit.testing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
WAIT_SECONDS = 30.0
REASON = "called about an order, phone needed"


@dataclass
class Desk:
    """The platform seen by its users: one client, a token a role, and a channel's write key."""

    client: HttpClient
    world: World

    async def call(
        self, method: str, path: str, role: Role = "admin", body: Any = None, **query: Any
    ) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {self.world.credentials.token(role)}"}
        response = await self.client.request(method, path, json=body, params=query, headers=headers)
        return response.status_code, response.json() if response.content else None

    async def get(self, path: str, role: Role = "admin", **query: Any) -> Any:
        status, answer = await self.call("GET", path, role, **query)
        assert status == 200, answer
        return answer

    async def do(self, method: str, path: str, role: Role = "admin", body: Any = None, **query: Any) -> Any:
        status, answer = await self.call(method, path, role, body, **query)
        assert status in {200, 201, 202, 204}, answer
        return answer

    async def post(self, *messages: dict[str, Any], path: str = "/v1/batch") -> None:
        response = await self.client.post(
            path, json={"batch": list(messages)}, auth=(self.world.credentials.write_keys["web"], "")
        )
        assert response.status_code == 200, response.text
        assert response.json()["accepted"] == len(messages)

    async def find(self, **identifier: Any) -> str:
        """The customer with an identifier, once there is one."""

        async def found() -> str | bool:
            items = (await self.get("/v1/customers", **identifier))["items"]
            return items[0]["customer_id"] if items else False

        return str(await eventually(found, timeout=WAIT_SECONDS))

    async def view(self, customer_id: str, **query: Any) -> Any:
        return await self.get(f"/v1/customers/{customer_id}", **query)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(world: World) -> AsyncIterator[Desk]:
    async with make_client(world.url, timeout=30.0) as client:
        yield Desk(client, world)


def mark() -> str:
    return uuid.uuid4().hex[:10]


def identify(user_id: str, at: str | None = None, context: Any = None, **traits: Any) -> dict[str, Any]:
    message = {"type": "identify", "messageId": f"i-{mark()}", "userId": user_id, "traits": traits}
    if at is not None:
        message["timestamp"] = at
    return message | ({"context": context} if context else {})


def track(event: str = "Seen", **fields: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": f"t-{mark()}", "event": event, **fields}


async def test_a_shop_tablet_joins_nobody(desk: Desk) -> None:
    run = mark()
    tablet = {"device": {"id": f"tablet-{run}"}}
    people = [f"guest-{run}-{number}" for number in range(40)]
    await desk.post(*(identify(person, context=tablet) for person in people))
    customers = {await desk.find(user_id=person) for person in people}
    assert len(customers) == len(people)
    await desk.post(track(anonymousId=f"passer-by-{run}", context=tablet))
    assert await desk.find(anonymous_id=f"passer-by-{run}") not in customers


async def test_a_merge_is_explained_and_undone(desk: Desk) -> None:
    run = mark()
    await desk.post(identify(f"a-{run}", city="Shanghai"), identify(f"b-{run}", city="Beijing"))
    left, right = await desk.find(user_id=f"a-{run}"), await desk.find(user_id=f"b-{run}")
    merge = await desk.do(
        "POST",
        "/v1/merges",
        "team_lead",
        {"customer_ids": [left, right], "reason": "same person in the shop"},
    )
    survivor = min(left, right)
    assert (await desk.view(left))["customer_id"] == (await desk.view(right))["customer_id"] == survivor
    explained = await desk.get(f"/v1/customers/{survivor}/explain", other=max(left, right))
    assert len(explained["merges"]) == len(explained["path"]) == 1
    assert (await desk.call("POST", "/v1/merges", "agent", {"customer_ids": [left, right]}))[0] == 403

    await desk.do(
        "POST", f"/v1/merges/{merge['merge_id']}/undo", "team_lead", {"reason": "two people after all"}
    )
    assert (await desk.view(left))["traits"]["city"]["value"] == "Shanghai"
    assert (await desk.view(right))["traits"]["city"]["value"] == "Beijing"
    again, problem = await desk.call(
        "POST", f"/v1/merges/{merge['merge_id']}/undo", "team_lead", {"reason": "two people after all"}
    )
    assert again == 409, problem


async def test_staff_mend_a_record_and_its_lineage_tells(desk: Desk) -> None:
    user = f"mend-{mark()}"
    await desk.post(identify(user, city="Shangai"))
    customer = await desk.find(user_id=user)

    async def in_the_timeline() -> None:
        assert (await desk.get(f"/v1/customers/{customer}/timeline"))["items"]

    await eventually(in_the_timeline, timeout=WAIT_SECONDS)
    await desk.do("PATCH", f"/v1/customers/{customer}", "agent", {"traits": {"city": "Shanghai"}})

    async def mended() -> None:
        trait = (await desk.view(customer))["traits"]["city"]
        assert (trait["value"], trait["channel"]) == ("Shanghai", "staff")

    await eventually(mended, timeout=WAIT_SECONDS)
    history = await desk.get(f"/v1/customers/{customer}/traits/city/history")
    assert [entry["value"] for entry in history["items"]] == ["Shanghai", "Shangai"]


async def test_tags_follow_a_rule_and_a_hand(desk: Desk) -> None:
    user = f"tagged-{mark()}"
    await desk.post(identify(user, interests=["coffee"]))
    customer = await desk.find(user_id=user)
    await desk.do("POST", f"/v1/customers/{customer}/tags", "agent", {"tag": "key_contact"})

    async def tagged() -> None:
        view = await desk.view(customer)
        assert {"coffee_lover", "key_contact"} <= {tag["tag"] for tag in view["tags"]}
        assert view["lifecycle"]["stage"] == "potential"

    await eventually(tagged, timeout=WAIT_SECONDS)


async def test_marketing_needs_a_yes_and_a_no_wins(desk: Desk) -> None:
    user = f"asked-{mark()}"
    await desk.post(identify(user))
    customer = await desk.find(user_id=user)
    asked: dict[str, Any] = {"customer_id": customer, "purpose": "marketing", "channel": "email"}
    assert not (await desk.get("/v1/consents/check", **asked))["allowed"]
    given = {
        "purpose": "marketing",
        "channel": "email",
        "decision": "granted",
        "notice_version": "2026-01",
        "source": "store form",
    }
    await desk.do("POST", f"/v1/customers/{customer}/consents", "agent", {"consents": [given]})
    assert (await desk.get("/v1/consents/check", **asked))["allowed"]
    await desk.do(
        "POST",
        f"/v1/customers/{customer}/consents",
        "agent",
        {"consents": [given | {"decision": "withdrawn"}]},
    )
    assert not (await desk.get("/v1/consents/check", **asked))["allowed"]


async def test_a_clear_read_needs_a_reason_and_is_remembered(desk: Desk) -> None:
    user = f"seen-{mark()}"
    await desk.post(identify(user, email=f"{user}@example.com"))
    customer = await desk.find(user_id=user)
    path = f"/v1/customers/{customer}"
    assert f"{user}@example.com" not in str(await desk.get(path, "agent"))
    assert (await desk.call("GET", path, "agent", clear="true"))[0] == 400
    assert (await desk.call("GET", path, "marketer", clear="true", reason=REASON))[0] == 403
    assert f"{user}@example.com" in str(await desk.get(path, "agent", clear="true", reason=REASON))
    entries = (await desk.get("/v1/audit", "dpo", customer_id=customer))["items"]
    assert REASON in {entry["reason"] for entry in entries}


async def test_an_erased_person_is_gone_and_may_come_back_as_somebody_new(desk: Desk) -> None:
    user = f"gone-{mark()}"
    old = [
        identify(user, at="2026-01-05T08:00:00Z", email=f"{user}@example.com"),
        track("Order Completed", userId=user, timestamp="2026-01-05T08:10:00Z", properties={"revenue": 5}),
    ]
    await desk.post(*old)
    customer = await desk.find(user_id=user)

    async def known_everywhere() -> None:
        assert (await desk.view(customer))["touchpoints"] == 2
        assert len((await desk.get(f"/v1/customers/{customer}/timeline"))["items"]) == 2

    await eventually(known_everywhere, timeout=WAIT_SECONDS)
    request = await desk.do(
        "POST", "/v1/privacy/erasures", "dpo", {"customer_id": customer, "reason": "asked by e-mail"}
    )
    assert (await desk.call("GET", f"/v1/customers/{customer}"))[0] == 404
    assert (await desk.get("/v1/customers", user_id=user))["items"] == []

    async def erased_everywhere() -> None:
        places = (await desk.get(f"/v1/privacy/erasures/{request['request_id']}", "dpo"))["places"]
        states = {place["place"]: place["state"] for place in places}
        services = ("profile", "interaction", "scoring", "notification")
        assert {states[f"{service}-service"] for service in services} == {"done"}

    await eventually(erased_everywhere, timeout=WAIT_SECONDS)
    late = identify(user, at="2026-01-06T08:00:00Z", email=f"{user}@example.com")
    await desk.post(late, path="/v1/import")
    await desk.post(*old, identify(user, city="Chengdu"))
    newcomer = await desk.find(user_id=user)
    assert newcomer != customer
    view = await desk.view(newcomer)
    assert view["touchpoints"] == 1
    assert set(view["traits"]) == {"city"}
