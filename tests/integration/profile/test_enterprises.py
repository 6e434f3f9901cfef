"""Enterprises and their contacts: customers of their own, apart from persons, through merges and undos."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from .conftest import Api, ProfileWorld
from .record_calls import enterprise_ids, in_group, people, resolve, view


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
