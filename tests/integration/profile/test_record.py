"""The record in the unified view: completeness, validity, enterprises and their contacts, what nobody declared."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from guanxi_contracts.touchpoint import RecordStanding, TouchpointReceivedV1
from guanxi_kit.packs import load_pack
from profile_service.adapters import record_store
from profile_service.adapters.pack_rules import record_rules, view_rules
from profile_service.consumers.touchpoint_received import TouchpointReceivedConsumer

from .conftest import PACKS, START, Api, ProfileWorld

PACK = load_pack(PACKS, "services")


async def resolve(world: ProfileWorld, *touchpoints: TouchpointReceivedV1, partition: int = 0) -> None:
    """Resolve one batch under the pack's rules of the record."""
    consumer = TouchpointReceivedConsumer(
        world.rules, world.keyring, world.clock, record=record_rules(PACK), view=view_rules(PACK, "CN")
    )
    await world.work(consumer.handle, [world.received(each, partition) for each in touchpoints])


def sealed_anew(
    world: ProfileWorld, touchpoint: TouchpointReceivedV1, **content: Any
) -> TouchpointReceivedV1:
    """The touchpoint with more in its content."""
    plain = msgspec.json.decode(world.keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
    touchpoint.sealed = world.keyring.seal(
        msgspec.json.encode(plain | content), touchpoint.touchpoint_id.bytes
    )
    return touchpoint


def in_group(
    world: ProfileWorld,
    message: str,
    group: str,
    *identifiers: str,
    group_traits: dict[str, Any] | None = None,
    contact: dict[str, Any] | None = None,
    kind: Any = "group",
    **options: Any,
) -> TouchpointReceivedV1:
    """A touchpoint of a person on behalf of an enterprise."""
    touchpoint = world.touchpoint(message, *identifiers, **options)
    touchpoint.kind = kind
    touchpoint.enterprise = world.ref(f"enterprise_account:{group}")
    plain = {"type": "enterprise_account", "namespace": "", "value": group}
    content: dict[str, Any] = {"enterprise": plain, "contact": contact}
    if group_traits is not None:
        content["group"] = {"id": group, "traits": group_traits}
    return sealed_anew(world, touchpoint, **content)


async def view(api: Api, customer_id: object, role: Any = "agent", **query: str) -> Any:
    answer = await api.get(f"/v1/customers/{customer_id}", role=role, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def people(world: ProfileWorld) -> list[UUID]:
    return [event.customer_id for event in (await world.events()).resolved]


async def enterprise_ids(world: ProfileWorld) -> list[UUID]:
    rows = await world.db.pool.fetch("SELECT profile_id FROM fragment WHERE kind = 'enterprise' ORDER BY 1")
    return [row["profile_id"] for row in rows]


async def test_completeness_and_what_to_mend_of_a_person(world: ProfileWorld, api: Api) -> None:
    await resolve(world, world.touchpoint("m1", "user_id:u1"))
    (customer_id,) = await people(world)
    record = (await view(api, customer_id))["record"]
    assert (record["kind"], record["completeness"], record["required"]) == ("individual", 0.0, 3)
    assert [(fix["field"], fix["code"]) for fix in record["to_fix"]] == [
        ("name", "missing"),
        ("phone", "missing"),
        ("city", "missing"),
    ]
    told = {"name": "Lin", "phone": "12", "birthday": "tomorrow", "shoe_size": 42, "satisfaction": 4}
    await resolve(world, world.touchpoint("m2", "user_id:u1", traits=told, at=timedelta(hours=1)))
    record = (await view(api, customer_id, clear="true", reason="test of the record"))["record"]
    assert (record["completeness"], record["filled"]) == (0.3333, 1)
    assert record["fields"]["basic"]["name"] == {
        "value": "Lin",
        "type": "text",
        "required": True,
        "valid": True,
        "reason": None,
        "source": "channel",
        "channel": "web",
        "because": "only",
        "occurred_at": "2024-05-01T09:00:00Z",
    }
    assert record["fields"]["feedback"]["satisfaction"]["value"] == 4
    assert [(fix["field"], fix["code"], fix["reason"], fix["value"]) for fix in record["to_fix"]] == [
        ("phone", "invalid", "is not a telephone number", "12"),
        ("birthday", "invalid", "must be a date such as 2024-05-01", "tomorrow"),
        ("city", "missing", "is required and missing", None),
    ]
    assert record["undeclared"] == ["shoe_size"]
    mended = {"phone": "+86 139 0000 1234", "city": "Wuhan", "birthday": "1990-02-28"}
    await resolve(world, world.touchpoint("m3", "user_id:u1", traits=mended, channel="staff"))
    record = (await view(api, customer_id))["record"]
    assert (record["completeness"], record["to_fix"]) == (1.0, [])
    assert record["fields"]["basic"]["phone"]["because"] == "precedence"
    told_by = [event.record for event in (await world.events()).resolved]
    assert told_by == [None, None, RecordStanding(3, 3)], "staff's touchpoints say how complete it is then"


async def test_an_identifier_fills_its_field_and_an_invalid_one_is_marked_until_mended(
    world: ProfileWorld, api: Api
) -> None:
    bad = world.touchpoint("m1", "user_id:u1", at=timedelta(hours=2))
    bad.has_unusable = True
    unusable = [
        {"type": "email", "namespace": "", "value": "lin@", "reason": "is not an e-mail address"},
        {"type": "device_id", "namespace": "", "value": "null", "reason": "is a placeholder"},
    ]
    await resolve(world, sealed_anew(world, bad, unusable=unusable))
    (customer_id,) = await people(world)
    record = (await view(api, customer_id, clear="true", reason="test of the record"))["record"]
    (fix,) = [each for each in record["to_fix"] if each["code"] == "invalid"]
    assert (fix["field"], fix["reason"], fix["value"], fix["channel"]) == (
        "email",
        "is not an e-mail address",
        "lin@",
        "web",
    )
    late = world.touchpoint("m2", "user_id:u1", "email:lin@example.com", at=timedelta(hours=1))
    await resolve(world, late)
    record = (await view(api, customer_id))["record"]
    assert record["fields"]["basic"]["email"]["source"] == "identifier"
    assert [fix["field"] for fix in record["to_fix"] if fix["code"] == "invalid"] == ["email"]
    await resolve(
        world, world.touchpoint("m3", "user_id:u1", "email:lin.yi@example.com", at=timedelta(hours=3))
    )
    record = (await view(api, customer_id))["record"]
    assert [fix["field"] for fix in record["to_fix"] if fix["code"] == "invalid"] == []


async def test_an_enterprise_is_a_customer_with_contacts(world: ProfileWorld, api: Api) -> None:
    traits = {"name": "Acme Tools", "industry": "tools", "phone": "+86 21 5555 1234"}
    await resolve(
        world,
        in_group(
            world,
            "m1",
            "acme",
            "user_id:u1",
            group_traits=traits,
            contact={"role": "Buyer"},
            traits={"name": "Lin Yi"},
        ),
        in_group(
            world, "m2", "acme", "user_id:u2", at=timedelta(hours=1), group_traits={"industry": "hand tools"}
        ),
        in_group(world, "m3", "acme", "user_id:u1", kind="track", amount=9900, at=timedelta(hours=2)),
        in_group(world, "m4", "other", "user_id:u1", at=timedelta(hours=3)),
    )
    lin, second, *_ = await people(world)
    acme, other = await enterprise_ids(world)
    shown = await view(api, acme)
    assert shown["customer_number"].startswith("C20240501")
    assert shown["traits"]["industry"]["value"] == "hand tools"
    record = shown["record"]
    assert (record["kind"], record["completeness"]) == ("enterprise", 1.0)
    assert record["fields"]["basic"]["name"]["value"] == "Acme Tools", (
        "the name of an enterprise is masked for nobody"
    )
    assert [(each["customer_id"], each["role"]) for each in record["contacts"]] == [
        (str(lin), "Buyer"),
        (str(second), None),
    ]
    to_marketing = (await view(api, acme, "marketer"))["record"]
    assert to_marketing["fields"]["basic"]["name"]["value"] == "Acme Tools"
    assert to_marketing["contacts"][0]["name"] == "L** Y**", "the name of a person is"
    assert record["first_contact_at"] == "2024-05-01T08:00:00Z"
    assert record["yearly_amount"] == {
        "year": 2024,
        "currency": "CNY",
        "purchases": 1,
        "amount_minor": 9900,
        "complete": True,
    }
    assert shown["purchases"]["amount_minor"] == 9900
    person = await view(api, lin)
    assert person["purchases"]["amount_minor"] == 9900
    assert {(each["customer_id"], each["name"]) for each in person["record"]["enterprises"]} == {
        (str(acme), "Acme Tools"),
        (str(other), None),
    }
    totals = (await api.get("/v1/stats")).json()
    assert (totals["customers"], totals["touchpoints"]) == (4, 4)
    events = await world.events()
    assert [event.enterprise and event.enterprise.profile_id for event in events.resolved] == [acme] * 3 + [
        other
    ]
    by_customer = {change.customer_id: change for change in events.changed}
    assert by_customer[acme].changed == [
        "created",
        "touchpoints",
        "purchases",
        "identifiers",
        "traits",
        "record",
    ]
    assert by_customer[acme].names == ["traits:industry", "traits:name", "traits:phone"]
    assert (await api.get("/v1/customers", enterprise_account="acme")).json()["items"][0][
        "customer_id"
    ] == str(acme)


async def test_contacts_are_pages_and_name_everybody_once(world: ProfileWorld, api: Api) -> None:
    await resolve(
        world, *(in_group(world, f"m{n}", "acme", f"phone:p{n}", at=timedelta(hours=n)) for n in range(5))
    )
    await resolve(world, world.touchpoint("join", "phone:p1", "phone:p3", at=timedelta(days=1)))
    left = in_group(
        world, "left", "acme", "phone:p0", channel="staff", contact={"until": "2024-06-01T00:00:00Z"},
        at=timedelta(days=2),
    )  # fmt: skip
    await resolve(world, left)
    (acme,) = await enterprise_ids(world)
    found: list[Any] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        answer = await api.get(f"/v1/customers/{acme}/contacts", role="agent", **query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(found) == len({each["customer_id"] for each in found}) == 4
    assert [each["since"] for each in found] == [f"2024-05-01T{8 + hour:02}:00:00Z" for hour in (0, 1, 2, 4)]
    assert [each["until"] for each in found] == ["2024-06-01T00:00:00Z", None, None, None]
    again = in_group(world, "again", "acme", "phone:p0", at=timedelta(days=60))
    await resolve(world, again)
    answer = await api.get(f"/v1/customers/{acme}/contacts", role="agent")
    assert answer.json()["items"][0]["until"] is None, "seen again after the end"
    person = (await people(world))[0]
    assert (await api.get(f"/v1/customers/{person}/contacts", role="agent")).json()["items"] == []


async def test_an_enterprise_never_becomes_one_with_a_person(world: ProfileWorld, api: Api) -> None:
    await resolve(world, in_group(world, "m1", "acme", "user_id:u1", "phone:p1"))
    (acme,) = await enterprise_ids(world)
    edit = world.touchpoint("m2", "phone:p1", "email:e1", channel="staff", at=timedelta(hours=1))
    edit.profile_id = acme
    await resolve(world, edit)
    events = await world.events()
    assert events.merged == []
    assert events.resolved[-1].profile_id == acme
    refused = await world.db.pool.fetch("SELECT reason FROM link_refusal")
    assert {row["reason"] for row in refused} == {"enterprise"}
    assert [each["type"] for each in (await view(api, acme))["identifiers"]] == ["enterprise_account"]
    lin = events.resolved[0].customer_id
    by_hand = await api.post(
        "/v1/merges", {"customer_ids": [str(lin), str(acme)], "reason": "the same, she says"}, role="admin"
    )
    assert by_hand.status_code == 409, by_hand.text


async def test_two_enterprises_merged_by_hand_part_again(world: ProfileWorld, api: Api) -> None:
    await resolve(
        world,
        in_group(world, "m1", "acme", "user_id:u1", group_traits={"name": "Acme"}, amount=100),
        in_group(world, "m2", "acme-cn", "user_id:u2", group_traits={"name": "Acme China"}, amount=200,
                 at=timedelta(hours=1)),
    )  # fmt: skip
    acme, branch = await enterprise_ids(world)
    merged = await api.post(
        "/v1/merges", {"customer_ids": [str(branch), str(acme)], "reason": "one company"}, role="admin"
    )
    assert merged.status_code == 200, merged.text
    await resolve(world, in_group(world, "m3", "acme-cn", "user_id:u3", at=timedelta(hours=2)))
    shown = await view(api, branch)
    assert (shown["customer_id"], shown["record"]["kind"]) == (str(acme), "enterprise")
    assert (len(shown["record"]["contacts"]), shown["purchases"]["amount_minor"]) == (3, 300)
    person = await view(api, (await people(world))[1])
    assert [each["customer_id"] for each in person["record"]["enterprises"]] == [str(acme)]
    merge_id = merged.json()["merge_id"]
    assert (await api.post(f"/v1/merges/{merge_id}/undo", {"reason": "two"}, role="admin")).status_code == 200
    for enterprise, contacts, name in ((acme, 1, "Acme"), (branch, 2, "Acme China")):
        record = (await view(api, enterprise))["record"]
        assert len(record["contacts"]) == contacts
        assert record["fields"]["basic"]["name"]["value"] == name


async def test_workers_found_an_enterprise_once(world: ProfileWorld) -> None:
    await asyncio.gather(
        *(
            resolve(
                world, in_group(world, f"m{n}", "acme", f"user_id:u{n}", group_traits={"n": n}), partition=n
            )
            for n in range(5)
        )
    )
    assert len(await enterprise_ids(world)) == 1
    assert await world.db.pool.fetchval("SELECT count(*) FROM contact_link") == 5


async def test_merged_persons_keep_both_links(world: ProfileWorld, api: Api) -> None:
    await resolve(
        world,
        in_group(world, "m1", "acme", "phone:p1"),
        in_group(world, "m2", "other", "email:e1", at=timedelta(hours=1)),
    )
    await resolve(world, world.touchpoint("m3", "phone:p1", "email:e1", at=timedelta(hours=2)))
    merged = (await world.events()).merged[0]
    person = await view(api, merged.customer_id)
    assert len(person["record"]["enterprises"]) == 2
    undone = await api.post(f"/v1/merges/{merged.merge_id}/undo", {"reason": "two people"}, role="admin")
    assert undone.status_code == 200, undone.text
    for customer_id in (merged.customer_id, merged.absorbed_customer_id):
        assert len((await view(api, customer_id))["record"]["enterprises"]) == 1


async def test_what_nobody_declared_is_flagged_and_bounded(
    world: ProfileWorld, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_store, "MOST_FIELDS", 3)
    for hour, names in enumerate(
        (["shoe_size", "city"], ["shoe_size", "a", "b", "c", "d"], ["c", "shoe_size"])
    ):
        traits = dict.fromkeys(names, 1)
        await resolve(
            world, world.touchpoint(f"m{hour}", "user_id:u1", traits=traits, at=timedelta(hours=hour))
        )
    await resolve(world, world.touchpoint("m9", "user_id:u1", traits={"shoe_size": 43}), partition=4)
    found = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = (await api.get("/v1/undeclared-fields", role="analyst", **query)).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert [(each["name"], each["times"], each["reason"]) for each in found] == [
        ("", 3, "undeclared"),
        ("a", 1, "undeclared"),
        ("b", 1, "undeclared"),
        ("shoe_size", 4, "undeclared"),
    ]
    assert found[-1]["first_at"] == START.isoformat().replace("+00:00", "Z")
    assert (await api.get("/v1/undeclared-fields", cursor="x")).status_code == 400
