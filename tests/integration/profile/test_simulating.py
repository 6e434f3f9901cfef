"""What would merge if: for one touchpoint, and for other rules, before anything is changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.jobs import read_job
from profile_service.adapters import rule_simulation_job
from profile_service.adapters.rule_simulation_job import RuleSimulation

from .conftest import Api, ProfileWorld


def given(*identifiers: str) -> list[dict[str, Any]]:
    """Identifiers written as `type:value`, with a `!` behind those that were verified."""
    parts = [text.partition(":") for text in identifiers]
    return [
        {"type": kind, "value": value.rstrip("!"), "verified": value.endswith("!")}
        for kind, _, value in parts
    ]


async def state(world: ProfileWorld) -> list[Any]:
    tables = ("identifier", "fragment", "merge_journal", "link_refusal", "identifier_event", "outbox")
    return [await world.db.pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


async def test_a_touchpoint_is_simulated_as_it_would_be_resolved(world: ProfileWorld, api: Api) -> None:
    await world.resolve(
        [
            world.touchpoint("m1", "member_number:M-1", "phone:+8613900000001"),
            world.touchpoint("m2", "device_id:tablet-7", at=timedelta(seconds=1)),
            world.touchpoint("m3", "member_number:M-2", "email:two@example.com", at=timedelta(seconds=2)),
        ]
    )
    first, second, _ = sorted(await world.memberships())
    before = await state(world)

    async def simulated(*identifiers: str, **more: Any) -> dict[str, Any]:
        body = {"identifiers": given(*identifiers), **more}
        answer = await api.post("/v1/merges/simulate", body, "team_lead")
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    joining = await simulated("device_id:tablet-7", "phone:139 0000 0001", "email:new@example.com")
    assert joining["customer_id"] == str(first)
    assert joining["merges"] == [
        {
            "customer_id": str(first),
            "absorbed_customer_id": str(second),
            "identifier": {"type": "device_id", "value": "tablet-7"},
        }
    ]
    assert joining["attached"] == [{"type": "email", "value": "n****@example.com"}]
    conflict = await simulated("member_number:M-2", "phone:+8613900000001!")
    assert conflict["refused"] == [
        {
            "identifier": {"type": "phone", "value": "139****0001"},
            "reason": "limit",
            "rule_type": "member_number",
        }
    ]
    assert [(each["kind"], each["reason"]) for each in conflict["changed"]] == [("transferred", "limit")]
    nobody = await simulated("user_id:nobody")
    assert (nobody["customer_id"], nobody["merges"]) == (None, [])
    named = await simulated("device_id:tablet-7", customer_id=str(first))
    assert [each["absorbed_customer_id"] for each in named["merges"]] == [str(second)]
    assert await state(world) == before


async def test_a_simulation_names_what_is_wrong(world: ProfileWorld, api: Api) -> None:
    for identifiers, field in (
        (given("shoe_size:44"), "identifiers.0.type"),
        (given("phone:+8613900000001", "phone:12"), "identifiers.1.value"),
        ([{"type": "phone"}], "identifiers.0.value"),
    ):
        answer = await api.post("/v1/merges/simulate", {"identifiers": identifiers}, "admin")
        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    unknown = {"identifiers": given("user_id:u"), "customer_id": str(uuid4())}
    assert (await api.post("/v1/merges/simulate", unknown, "admin")).status_code == 404
    assert (await api.post("/v1/merges/simulate", {"identifiers": []}, "agent")).status_code == 403
    for body, field in (
        ({"types": {"shoe_size": {"limit": 1}}}, "types.shoe_size"),
        ({"types": {"phone": {"limit": 0}}}, "types.phone.limit"),
        ({"types": {"phone": {"window": "soon"}}}, "types.phone.window"),
        ({"fragments_per_customer": 0}, "fragments_per_customer"),
        ({"colour": "red"}, "colour"),
    ):
        answer = await api.post("/v1/identity-rules/simulate", body, "admin")
        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert (await api.post("/v1/identity-rules/simulate", {}, "agent")).status_code == 403


async def report(world: ProfileWorld, api: Api, **changes: Any) -> dict[str, Any]:
    """Queue a simulation of rules and carry it out, three customers at a step."""
    answer = await api.post("/v1/identity-rules/simulate", changes, "team_lead")
    assert answer.status_code == 200, answer.text
    assert answer.json()["service"] == "profile"
    handler = RuleSimulation(world.db, world.rules)
    job_id = UUID(answer.json()["job_id"])
    for _ in range(50):
        async with world.db.transaction() as connection:
            job = await read_job(connection, job_id)
            assert job is not None
            assert job.kind == rule_simulation_job.KIND
            unit = StreamUnit(connection, world.clock.now())
            step = await handler.commit(unit, job, await handler.work(job))
            assert not unit.events
            await connection.execute(
                "UPDATE job SET cursor = $2, done = $3, total = $4 WHERE job_id = $1",
                job_id,
                step.cursor,
                step.done,
                step.total,
            )
        if step.finished:
            assert step.done == step.total
            result: dict[str, Any] = step.result
            return result
    raise AssertionError("the job does not end")


async def test_other_rules_are_weighed_against_merges_and_refusals(
    world: ProfileWorld, api: Api, monkeypatch: Any
) -> None:
    monkeypatch.setattr(rule_simulation_job, "PAGE_SIZE", 3)
    await world.resolve(
        [world.touchpoint(f"d{n}", f"device_id:d{n}", at=timedelta(seconds=n)) for n in range(6)]
        + [world.touchpoint(f"p{n}", f"phone:p{n}", at=timedelta(seconds=10 + n)) for n in range(4)]
        + [world.touchpoint(f"u{n}", f"user_id:u{n}", at=timedelta(seconds=20 + n)) for n in range(4)]
    )
    # Devices 0 to 3 come to phones 0 to 3; phones 0 to 3 come to user 0, of which three find room.
    await world.resolve([world.touchpoint(f"j{n}", f"phone:p{n}", f"device_id:d{n}") for n in range(4)])
    await world.resolve([world.touchpoint(f"k{n}", "user_id:u0", f"phone:p{n}") for n in range(4)])
    # Users 1 to 3 share a device: the third user finds no room.
    await world.resolve([world.touchpoint(f"l{n}", f"user_id:u{n}", "device_id:d4") for n in (1, 2, 3)])
    hand = await api.post(
        "/v1/merges",
        {"customer_ids": [str(each) for each in sorted(await world.memberships())[:2]], "reason": "same"},
        "admin",
    )
    assert hand.status_code in (200, 409)
    before = await state(world)
    as_it_is = await report(world, api)
    merges = await world.db.pool.fetchval("SELECT count(*) FROM merge_journal WHERE undone_at IS NULL")
    refusals = await world.db.pool.fetchval("SELECT count(*) FROM link_refusal")
    assert as_it_is["merges_checked"] == merges
    assert as_it_is["links_checked"] == refusals
    assert (as_it_is["would_be_refused"], as_it_is["would_merge"]) == ({}, 0)
    assert sum(as_it_is["still_refused"].values()) == refusals - as_it_is["one_already"]

    stricter = await report(world, api, types={"phone": {"may_link": False}})
    by_phone = await world.db.pool.fetchval(
        "SELECT count(*) FROM merge_journal WHERE identifier_type = 'phone' AND rule = 'identifier'"
    )
    assert stricter["would_be_refused"] == {"may_link": by_phone}
    assert {each["identifier_type"] for each in stricter["refused_sample"]} == {"phone"}
    tighter = await report(world, api, types={"phone": {"limit": 1}})
    assert tighter["would_be_refused"] == {"limit": 2}
    assert {each["rule_type"] for each in tighter["refused_sample"]} == {"phone"}
    small = await report(world, api, fragments_per_customer=2)
    assert small["would_be_refused"]["fragments_per_customer"] > 0
    rare = await report(world, api, merges_per_customer={"limit": 1, "window": "1h"})
    assert rare["would_be_refused"]["merge_rate"] > 0

    looser = await report(world, api, types={"phone": {"limit": 9}, "user_id": {"limit": 9}})
    assert looser["would_be_refused"] == {}
    assert looser["would_merge"] + looser["one_already"] + looser["would_attach"] == refusals
    assert looser["would_merge"] > 0
    for example in looser["merged_sample"]:
        assert example["refused_by"] == "limit"
        assert len(example["customer_ids"]) == 2
    assert await state(world) == before
