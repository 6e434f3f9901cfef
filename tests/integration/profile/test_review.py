"""What people decide: merges by hand, suggested merges, the quarantine, and why a customer is one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from profile_service.adapters.suggestion_store import PostgresSuggestions
from profile_service.domain.identity import IdentityRules

from .conftest import RULES, START, Api, ProfileWorld

SAME = {"reason": "the same person"}
PHONE = "+8613900000001"


async def crowd(world: ProfileWorld, size: int) -> list[UUID]:
    """Customers with a phone and a device each, oldest first."""
    await world.resolve(
        [
            world.touchpoint(
                f"c{n}", f"phone:+861390000000{n}", f"device_id:tablet-{n}", at=timedelta(seconds=n)
            )
            for n in range(1, size + 1)
        ]
    )
    return sorted(await world.memberships())


async def suggest(
    world: ProfileWorld, one: UUID, other: UUID, score: float | None, source: str = "duplicate"
) -> UUID:
    """Put a suggestion into the queue."""
    suggestion_id: UUID = await world.db.pool.fetchval(
        "INSERT INTO merge_suggestion (suggestion_id, left_profile_id, right_profile_id, source, score, evidence,"
        " state, created_at) VALUES (gen_random_uuid(), $1, $2, $3, $4, '{\"name\": 0.9}', 'open', $5)"
        " RETURNING suggestion_id",
        *sorted((one, other)),
        source,
        score,
        START,
    )
    return suggestion_id


async def merge(api: Api, one: UUID, other: UUID) -> Any:
    return await api.post("/v1/merges", {"customer_ids": [str(one), str(other)], **SAME}, "team_lead")


async def test_a_merge_by_hand_is_recorded_once_and_masked(world: ProfileWorld, api: Api) -> None:
    first, second, _ = await crowd(world, 3)
    body = {"customer_ids": [str(second), str(first)], "reason": "said so at 13900000009"}
    answer = await api.post("/v1/merges", body, "team_lead")
    assert answer.status_code == 200, answer.text
    entry = answer.json()
    assert (entry["customer_id"], entry["absorbed_customer_id"]) == (str(first), str(second))
    assert (entry["rule"], entry["actor"], entry["undone"]) == ("manual", "staff-1", None)
    assert entry["identifier"] is entry["strongest"] is entry["touchpoint_id"] is None
    assert "13900000009" not in entry["reason"]
    again = await merge(api, first, second)
    assert again.status_code == 409
    assert again.json()["type"] == "urn:guanxi:problem:already-one-customer"
    assert (await api.get(f"/v1/merges/{entry['merge_id']}")).json() == entry
    unknown = await merge(api, first, UUID(int=5))
    assert unknown.status_code == 404
    assert unknown.json()["errors"] == [{"field": "customer_ids.1", "reason": "is no customer's"}]
    assert (await api.post("/v1/merges", {**body, "customer_ids": [str(first)]}, "admin")).status_code == 400
    assert (await api.post("/v1/merges", body, "agent")).status_code == 403


async def test_the_journal_is_paged_and_follows_a_customer(world: ProfileWorld, api: Api) -> None:
    people = await crowd(world, 6)
    for other in people[1:5]:
        assert (await merge(api, people[0], other)).status_code == 200
        world.clock.advance(60)
    pages: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get("/v1/merges", "agent", limit="3", **cursor)).json()
        pages += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [entry["absorbed_customer_id"] for entry in pages] == [str(each) for each in people[4:0:-1]]
    undone = pages[1]["merge_id"]
    await api.post(f"/v1/merges/{undone}/undo", SAME, "admin")
    whole = (await api.get("/v1/merges", customer_id=str(people[1]))).json()["items"]
    assert [entry["merge_id"] for entry in whole] == [entry["merge_id"] for entry in pages]
    parted = (await api.get("/v1/merges", customer_id=str(people[3]))).json()["items"]
    assert [entry["merge_id"] for entry in parted] == [undone]
    assert parted[0]["undone"] == {
        "at": "2024-05-01T08:04:00Z",
        "actor": "staff-1",
        "reason": "the same person",
    }
    assert (await api.get("/v1/merges", customer_id=str(people[5]))).json()["items"] == []
    assert (await api.get("/v1/merges", customer_id=str(UUID(int=5)))).status_code == 404
    assert (await api.get("/v1/merges", cursor="x")).status_code == 400


async def test_why_two_are_one_is_a_chain_of_evidence(world: ProfileWorld, api: Api) -> None:
    first, second, third, fourth = await crowd(world, 4)
    await world.resolve(
        [world.touchpoint("link", f"phone:{PHONE}", "device_id:tablet-2", at=timedelta(minutes=1))]
    )
    world.clock.advance(1)
    await merge(api, second, third)
    path = f"/v1/customers/{third}/explain"
    found = (await api.get(path, "agent", other=str(first))).json()
    assert (found["customer_id"], found["redirected_from"]) == (str(first), str(third))
    assert [fragment["profile_id"] for fragment in found["fragments"]] == [
        str(each) for each in (first, second, third)
    ]
    held = found["fragments"][0]["identifiers"]
    assert {(each["type"], each["value"]) for each in held} == {
        ("device_id", "tablet-1"),
        ("phone", "139****0001"),
    }
    by_touchpoint, by_hand = found["merges"]
    assert by_touchpoint["identifier"] == {"type": "device_id", "value": "tablet-2"}
    assert by_touchpoint["touchpoint_id"] == str(world.touchpoint("link").touchpoint_id)
    assert (by_hand["rule"], by_hand["actor"]) == ("manual", "staff-1")
    assert [(step["merge_id"], step["to_profile_id"]) for step in found["path"]] == [
        (by_hand["merge_id"], str(second)),
        (by_touchpoint["merge_id"], str(first)),
    ]
    assert (await api.get(path, other=str(fourth))).json()["path"] is None
    assert (await api.get(path)).json()["path"] is None
    assert (await api.get(path, other=str(UUID(int=5)))).status_code == 404
    for asked in ({}, {"other": str(first)}):
        picture = await api.get(f"{path}.svg", **asked)
        assert picture.headers["content-type"] == "image/svg+xml"
        drawn = "".join(ElementTree.fromstring(picture.text).itertext())
        assert str(first)[-12:] in drawn
        assert "tablet-2" in drawn
        assert PHONE not in drawn
    assert "device id" in drawn
    assert "设备号" in (await api.get(f"{path}.svg", lang="zh")).text
    assert (await api.get(f"{path}.svg", lang="fr")).status_code == 400
    assert (await api.get(f"{path}.svg", other=str(fourth))).status_code == 404


async def test_the_queue_shows_what_limits_raised_then_by_score(world: ProfileWorld, api: Api) -> None:
    people = await crowd(world, 8)
    scores = [0.7, None, 0.9, 0.9, None, 0.8]
    made = [
        await suggest(world, people[0], people[n + 1], score, "merge_rate" if score is None else "duplicate")
        for n, score in enumerate(scores)
    ]
    shown: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get("/v1/suggestions", "agent", limit="2", **cursor)).json()
        shown += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [each["score"] for each in shown] == [None, None, 0.9, 0.9, 0.8, 0.7]
    assert {UUID(each["suggestion_id"]) for each in shown} == set(made)
    of_limits = (await api.get("/v1/suggestions", source="merge_rate")).json()["items"]
    assert [each["source"] for each in of_limits] == ["merge_rate"] * 2
    explained = (await api.get(f"/v1/suggestions/{of_limits[0]['suggestion_id']}", "agent")).json()
    assert "too often" in explained["words"]["en"]
    (phones,) = explained["fields"]
    assert (phones["field"], phones["level"]) == ("phone", None)
    assert all("****" in value for side in ("left", "right") for value in phones[side]["identifiers"])
    assert (await merge(api, people[0], people[1])).status_code == 200
    rest = (await api.get("/v1/suggestions")).json()["items"]
    assert len(rest) == 5
    (obsolete,) = (await api.get("/v1/suggestions", state="obsolete")).json()["items"]
    assert obsolete["suggestion_id"] == str(made[0])
    assert (await api.get("/v1/suggestions", cursor="x")).status_code == 400


async def test_an_accepted_suggestion_merges_and_a_rejected_one_is_remembered(
    world: ProfileWorld, api: Api
) -> None:
    first, second, third, fourth = await crowd(world, 4)
    wrong, right = await suggest(world, second, third, 0.9), await suggest(world, first, second, 0.8)
    rejected = await api.post(f"/v1/suggestions/{wrong}/reject", {"reason": "brothers"}, "team_lead")
    assert (rejected.json()["state"], rejected.json()["decided_by"]) == ("rejected", "staff-1")
    accepted = (await api.post(f"/v1/suggestions/{right}/accept", SAME, "team_lead")).json()
    assert accepted["suggestion"]["state"] == "accepted"
    assert (await api.get(f"/v1/merges/{accepted['merge_id']}")).json()["rule"] == "suggestion"
    assert (await world.memberships())[second] == first
    for decided in (wrong, right):
        for decision in ("accept", "reject"):
            answer = await api.post(f"/v1/suggestions/{decided}/{decision}", SAME, "team_lead")
            assert answer.status_code == 409
            assert answer.json()["type"] == "urn:guanxi:problem:already-decided"
    late = await suggest(world, second, fourth, 0.5)
    await world.db.pool.execute("UPDATE fragment SET customer_id = $1 WHERE profile_id = $2", first, fourth)
    assert (await api.post(f"/v1/suggestions/{late}/accept", SAME, "team_lead")).status_code == 409
    (obsolete,) = (await api.get("/v1/suggestions", state="obsolete")).json()["items"]
    assert obsolete["suggestion_id"] == str(late)
    assert (await api.post(f"/v1/suggestions/{UUID(int=5)}/reject", SAME, "admin")).status_code == 404


async def test_whom_a_person_kept_apart_is_not_suggested_again(world: ProfileWorld, api: Api) -> None:
    """By a rejected suggestion or an undone merge, also when the two have grown since."""
    first, second, third, fourth = await crowd(world, 4)
    await api.post(
        f"/v1/suggestions/{await suggest(world, third, fourth, 0.9)}/reject", {"reason": "brothers"}, "admin"
    )
    await merge(api, first, third)
    undone = (await merge(api, first, second)).json()["merge_id"]
    await api.post(f"/v1/merges/{undone}/undo", SAME, "admin")
    pairs = [(first, fourth), (fourth, first), (first, second), (second, fourth)]
    async with world.db.connection() as connection:
        refused = await PostgresSuggestions(connection).ruled_out(pairs)
    assert refused == {(first, fourth), (fourth, first), (first, second)}


async def test_whom_a_person_kept_apart_no_limit_raises_again(world: ProfileWorld, api: Api) -> None:
    world.rules = IdentityRules(RULES.types, fragments_per_customer=2)
    first, _, third, fourth = await crowd(world, 4)
    await world.resolve([world.touchpoint("l1", "phone:+8613900000001", "device_id:tablet-2")])
    refused = [world.touchpoint(f"l{n}", "phone:+8613900000001", "device_id:tablet-4") for n in (2, 3)]
    await world.resolve(refused[:1])
    (raised,) = (await api.get("/v1/suggestions")).json()["items"]
    assert (raised["left_customer_id"], raised["right_customer_id"]) == (str(first), str(fourth))
    assert raised["source"] == "cluster_size"
    await api.post(f"/v1/suggestions/{raised['suggestion_id']}/reject", {"reason": "brothers"}, "admin")
    await merge(api, third, fourth)
    await world.resolve(refused[1:])
    assert (await api.get("/v1/suggestions")).json()["items"] == []


@pytest.mark.parametrize("of_its_own", [False, True])
async def test_an_identifier_goes_into_quarantine_and_back(
    world: ProfileWorld, api: Api, of_its_own: bool
) -> None:
    first, second = await crowd(world, 2)
    body = {"type": "device_id", "value": "tablet-1", "reason": "the shop's tablet"}
    shut = await api.post("/v1/quarantine", body, "team_lead")
    assert shut.status_code == 200, shut.text
    assert shut.json()["customer_id"] == str(first)
    assert (await api.post("/v1/quarantine", body, "team_lead")).status_code == 409
    (item,) = (await api.get("/v1/quarantine", "agent")).json()["items"]
    assert (item["hash"], item["type"], item["value"]) == (shut.json()["hash"], "device_id", "tablet-1")
    assert (item["reason"], item["actor"], item["profile_id"]) == ("the shop's tablet", "staff-1", None)
    assert item["former_profile_id"] == str(first)
    held = (await api.get(f"/v1/customers/{first}")).json()["identifiers"]
    assert [each["type"] for each in held] == ["phone"]
    if of_its_own:
        await world.db.pool.execute(
            "UPDATE identifier SET profile_id = $1 WHERE hash = $2", second, bytes.fromhex(item["hash"])
        )
    path = f"/v1/quarantine/{item['hash']}/release"
    world.clock.advance(1)
    back = await api.post(path, SAME, "team_lead")
    assert back.json() == {"hash": item["hash"], "customer_id": str(second if of_its_own else first)}
    assert (await api.post(path, SAME, "team_lead")).status_code == 409
    assert (await api.get("/v1/quarantine")).json() == {"items": [], "next_cursor": None}
    changed = [(e.customer_id, e.changed) for e in (await world.events()).changed[-2:]]
    assert changed == [(first, ["identifiers"]), (UUID(back.json()["customer_id"]), ["identifiers"])]
    kinds = await world.db.pool.fetch("SELECT kind, actor FROM identifier_event ORDER BY at")
    assert [tuple(row) for row in kinds] == [("quarantined", "staff-1"), ("released", "staff-1")]


async def test_the_quarantine_is_paged_and_refuses_nonsense(world: ProfileWorld, api: Api) -> None:
    await crowd(world, 3)
    for n in (1, 2, 3):
        await api.post(
            "/v1/quarantine", {"type": "device_id", "value": f"tablet-{n}", "reason": "shared"}, "admin"
        )
        world.clock.advance(1)
    page = (await api.get("/v1/quarantine", limit="2")).json()
    rest = (await api.get("/v1/quarantine", limit="2", cursor=page["next_cursor"])).json()
    assert [each["value"] for each in page["items"] + rest["items"]] == ["tablet-3", "tablet-2", "tablet-1"]
    for body, field in (
        ({"type": "shoe_size", "value": "44"}, "type"),
        ({"type": "phone", "value": "12"}, "value"),
        ({"type": "device_id"}, "value"),
    ):
        answer = await api.post("/v1/quarantine", {**body, "reason": "x"}, "admin")
        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    unseen = {"type": "device_id", "value": "never-seen", "reason": "x"}
    assert (await api.post("/v1/quarantine", unseen, "admin")).status_code == 404
    assert (await api.post(f"/v1/quarantine/{'0' * 32}/release", SAME, "admin")).status_code == 404
    assert (await api.post("/v1/quarantine/xyz/release", SAME, "admin")).status_code == 400
