"""The record in the unified view: completeness, validity, what nobody declared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from guanxi_contracts.touchpoint import RecordStanding
from profile_service.adapters import record_store

from .conftest import START, Api, ProfileWorld
from .record_calls import people, resolve, sealed_anew, view


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
