"""Who sees what of a person's data: masked for everybody, clear for a stated reason, and all of it kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.roles import ROLE_PERMISSIONS

from .conftest import Api, ProfileWorld

PHONE, EMAIL, NAME = "+8613900001234", "lin.yue@example.com", "林月"
TRAITS = {"name": NAME, "birthday": "1990-05-01", "address": "上海市浦东新区世纪大道 100 号", "city": "上海"}
REASON = "customer asked us to read her number back"
PERSONAL = (PHONE, PHONE[3:], EMAIL, "lin.yue", NAME, "1990-05", "世纪大道", REASON)


async def somebody(world: ProfileWorld) -> UUID:
    """A person with a phone, an e-mail address, a member number and traits; returns the customer's id."""
    identifiers = ("member_number:M-1001", f"phone:{PHONE}", f"email:{EMAIL}")
    await world.resolve([world.touchpoint("m1", *identifiers, traits=TRAITS)])
    return (await world.events()).resolved[0].customer_id


MASKED = {"member_number": "M-1001", "phone": "139****1234", "email": "l****@example.com"}
MASKED_TRAITS = {"name": "林**", "birthday": "1990-**-**", "address": "上海市****", "city": "上海"}


async def test_every_role_sees_masked_values_and_few_may_see_clear_ones(
    world: ProfileWorld, api: Api
) -> None:
    path = f"/v1/customers/{await somebody(world)}"
    for role, permissions in ROLE_PERMISSIONS.items():
        masked = await api.get(path, role)
        assert masked.status_code == (200 if "customer.read" in permissions else 403), role
        assert not any(value in masked.text for value in PERSONAL if value != NAME), role
        if masked.status_code == 200:
            name = NAME if "customer.clear" in permissions else MASKED_TRAITS["name"]
            assert shown(masked.json()) == (MASKED, MASKED_TRAITS | {"name": name}), role
        clear = await api.get(path, role, clear="true", reason=REASON)
        if {"customer.read", "customer.clear"} <= permissions:
            assert clear.status_code == 200, role
            values = {"member_number": "M-1001", "phone": PHONE, "email": EMAIL}
            assert shown(clear.json()) == (values, TRAITS), role
        else:
            assert clear.status_code == 403, role


def shown(view: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The values of a view: identifiers by type, traits by name."""
    identifiers = {each["type"]: each["value"] for each in view["identifiers"]}
    return identifiers, {name: trait["value"] for name, trait in view["traits"].items()}


async def test_a_clear_read_without_a_reason_is_refused(world: ProfileWorld, api: Api) -> None:
    path = f"/v1/customers/{await somebody(world)}"
    for query in ({}, {"reason": ""}, {"reason": "too short"}, {"reason": "  a   b    "}):
        refused = await api.get(path, "agent", clear="true", **query)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "reason")
    assert await world.db.pool.fetchval("SELECT count(*) FROM access_audit") == 0


async def test_the_audit_says_who_read_whose_what_and_holds_nothing_personal(
    world: ProfileWorld, api: Api
) -> None:
    customer_id = await somebody(world)
    path = f"/v1/customers/{customer_id}"
    asked: list[tuple[str, dict[str, str]]] = [
        ("/v1/customers", {"phone": PHONE}),
        ("/v1/customers", {"phone": "+8613900009999"}),
        (path, {}),
        (path, {"clear": "true", "reason": REASON}),
    ]
    for place, query in asked:
        assert (await api.get(place, "agent", **query)).status_code == 200
        world.clock.advance(timedelta(seconds=1))
    await api.post("/v1/contacts", {"customer_ids": [str(customer_id)], "channel": "sms"})
    world.clock.advance(timedelta(seconds=1))
    read = await api.get("/v1/audit", "dpo", customer_id=str(customer_id))
    items: list[dict[str, Any]] = read.json()["items"]
    assert [
        (each["fields"], each["detail"], each["clear"], each["reason"], each["role"]) for each in items
    ] == [
        ("contacts", "sms", True, None, "service"),
        ("view", "", True, REASON, "agent"),
        ("view", "", False, None, "agent"),
        ("look_up", "phone", False, None, "agent"),
    ]
    assert items[1]["action"] == "GET /v1/customers/{customer_id}"
    assert len(items[3]["look_up"]) == 32
    assert items[0]["people"] == 1
    by_subject = (await api.get("/v1/audit", "dpo", subject="staff-1", limit="2")).json()
    assert [each["fields"] for each in by_subject["items"]] == ["audit", "contacts"], (
        "reading the audit is kept too"
    )
    following = await api.get(
        "/v1/audit", "dpo", subject="staff-1", limit="9", cursor=by_subject["next_cursor"]
    )
    assert [each["fields"] for each in following.json()["items"]] == ["view", "view", "look_up", "look_up"]
    rows = await world.db.pool.fetch(
        "SELECT row::text AS text FROM access_audit AS row UNION ALL SELECT row::text FROM access_reason AS row"
    )
    assert not any(value in row["text"] for row in rows for value in PERSONAL)
    verified = (await api.get("/v1/audit/verify", "dpo")).json()
    assert (verified["findings"], verified["next_cursor"] is None) == ([], False)


async def test_the_audit_follows_a_person_through_merge(world: ProfileWorld, api: Api) -> None:
    await world.resolve([world.touchpoint("a", "phone:p1"), world.touchpoint("b", "email:e1")])
    first, second = (event.profile_id for event in (await world.events()).resolved)
    await api.get(f"/v1/customers/{second}", "agent")
    await world.resolve([world.touchpoint("c", "phone:p1", "email:e1")])
    await api.get(f"/v1/customers/{first}", "agent")
    items = (await api.get("/v1/audit", "dpo", customer_id=str(second))).json()["items"]
    assert [each["people"] for each in items] == [2, 1]


async def test_bad_questions_to_the_audit_name_their_field(api: Api) -> None:
    questions: list[tuple[dict[str, str], str]] = [
        ({}, "customer_id"),
        ({"customer_id": str(UUID(int=1)), "subject": "x"}, "customer_id"),
        ({"subject": "x", "cursor": "!"}, "cursor"),
        ({"subject": ""}, "subject"),
    ]
    for query, field in questions:
        refused = await api.get("/v1/audit", "dpo", **query)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    assert (await api.get("/v1/audit", "team_lead", subject="x")).status_code == 403


async def test_nothing_is_shown_when_it_cannot_be_kept(world: ProfileWorld, api: Api) -> None:
    customer_id = await somebody(world)
    superuser = await asyncpg.connect(world.dsns.admin)
    await superuser.execute("REVOKE INSERT ON profile.access_audit FROM profile_app")
    try:
        refused = await api.get(f"/v1/customers/{customer_id}", "agent")
        assert refused.status_code == 500
        assert "customer_number" not in refused.text
    finally:
        await superuser.close()
