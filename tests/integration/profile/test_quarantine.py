"""Shared, recycled and unproven identifiers, with workers on a database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import structlog

from guanxi_kit.telemetry import METRICS
from profile_service.adapters.identity_store import PostgresIdentities
from profile_service.application.simulate import Simulation, simulate
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule

from .conftest import LIMITS, ProfileWorld

PLAIN = {name: TypeRule(limit) for name, limit in LIMITS.items()}


async def standing(world: ProfileWorld, text: str) -> dict[str, Any]:
    """The row of an identifier."""
    return dict(
        await world.db.pool.fetchrow("SELECT * FROM identifier WHERE hash = $1", world.ref(text).hash)
    )


async def history(world: ProfileWorld, text: str) -> list[str]:
    """What happened to an identifier."""
    rows = await world.db.pool.fetch(
        "SELECT kind FROM identifier_event WHERE hash = $1 ORDER BY at", world.ref(text).hash
    )
    return [row["kind"] for row in rows]


async def test_a_shop_tablet_on_which_500_people_log_in(world: ProfileWorld) -> None:
    """All workers at once; then its anonymous traffic, on all workers at once, goes to one fragment of its own."""
    logins = [
        world.touchpoint(f"in{n}", f"member_number:{n}", "device_id:tablet", at=timedelta(seconds=n))
        for n in range(500)
    ]
    await asyncio.gather(*(world.resolve(logins[start::5], partition=start) for start in range(5)))
    assert len(set((await world.memberships()).values())) == 500
    row = await standing(world, "device_id:tablet")
    assert (row["profile_id"], row["quarantined_at"]) == (None, world.clock.now())
    anonymous = [world.touchpoint(f"out{n}", "device_id:tablet", at=timedelta(1)) for n in range(40)]
    await asyncio.gather(*(world.resolve(anonymous[start::4], partition=start) for start in range(4)))
    events = await world.events()
    placement = events.placement()
    (own,) = {placement[each.touchpoint_id] for each in anonymous}
    assert (await standing(world, "device_id:tablet"))["profile_id"] == own
    assert own not in {placement[each.touchpoint_id] for each in logins}
    assert await history(world, "device_id:tablet") == ["quarantined", "rehomed"]
    await world.resolve([world.touchpoint("late", "member_number:7", "device_id:tablet")])
    assert len(set((await world.memberships()).values())) == 501


async def test_a_family_phone(world: ProfileWorld) -> None:
    await world.resolve(
        [
            world.touchpoint("m1", "member_number:mother", "phone:home"),
            world.touchpoint("m2", "member_number:father", "phone:home", at=timedelta(1)),
            world.touchpoint("m3", "phone:home", at=timedelta(2)),
        ]
    )
    events = await world.events()
    assert len({event.profile_id for event in events.resolved}) == 3
    (refusal,) = await world.db.pool.fetch("SELECT reason, rule_type FROM link_refusal")
    assert tuple(refusal) == ("limit", "member_number")
    changed = {event.customer_id: event.changed for event in events.changed}
    assert all("identifiers" in parts for parts in changed.values())


async def test_who_loses_an_identifier_is_told_even_without_a_touchpoint(world: ProfileWorld) -> None:
    await world.resolve([world.touchpoint("m1", "member_number:old", "phone:p!")])
    before = len((await world.events()).changed)
    await world.resolve([world.touchpoint("m2", "member_number:new", "phone:p!", at=timedelta(1))])
    old, new = sorted(await world.memberships())
    changed = {event.customer_id: event.changed for event in (await world.events()).changed[before:]}
    assert changed == {new: ["created", "touchpoints", "identifiers"], old: ["identifiers"]}


async def test_a_recycled_number(world: ProfileWorld) -> None:
    for number, who in enumerate(("old", "new", "old", "new")):
        world.clock.advance(60)
        at = timedelta(days=number)
        await world.resolve([world.touchpoint(f"m{number}", f"member_number:{who}", "phone:p!", at=at)])
        row = await standing(world, "phone:p")
        memberships = await world.memberships()
        if number < 2:
            owner = memberships[(await standing(world, f"member_number:{who}"))["profile_id"]]
            assert memberships[row["profile_id"]] == owner
            assert (row["verified_at"], row["changes"]) == (world.clock.now(), number)
        else:
            assert (row["profile_id"], row["verified_at"], row["changes"]) == (None, None, 1)
    assert await history(world, "phone:p") == ["transferred", "quarantined"]
    assert len(set((await world.memberships()).values())) == 2


async def test_all_of_it_in_one_batch_comes_to_the_same(world: ProfileWorld) -> None:
    await world.resolve(
        [
            world.touchpoint(f"m{n}", f"member_number:{who}", "phone:p!", at=timedelta(days=n))
            for n, who in enumerate(("old", "new", "old", "new"))
        ]
    )
    row = await standing(world, "phone:p")
    assert (row["profile_id"], row["verified_at"], row["changes"]) == (None, None, 1)
    assert await history(world, "phone:p") == ["transferred", "quarantined"]


async def test_two_who_take_over_one_number_at_once_end_in_one_order(world: ProfileWorld) -> None:
    """One of the two gets it, the other then makes it shared: whichever was first."""
    await world.resolve([world.touchpoint("m0", "member_number:old", "phone:p!")])
    await asyncio.gather(
        *(
            world.resolve(
                [world.touchpoint(f"m{n}", f"member_number:{n}", "phone:p!", at=timedelta(n))], partition=n
            )
            for n in (1, 2)
        )
    )
    assert await history(world, "phone:p") == ["transferred", "quarantined"]
    assert (await standing(world, "phone:p"))["quarantined_at"] is not None


async def test_limits_with_a_window_under_the_clock(world: ProfileWorld) -> None:
    world.rules = IdentityRules(PLAIN | {"device_id": TypeRule(2, window=timedelta(days=30))}, 100)
    for n, days in enumerate((0, 1, 2, 31, 32, 33)):
        await world.resolve(
            [world.touchpoint(f"m{n}", "member_number:1", f"device_id:{n}", at=timedelta(days=days))]
        )
    rows = await world.db.pool.fetch(
        "SELECT first_seen_at FROM identifier WHERE type = 'device_id' ORDER BY 1"
    )
    start = rows[0]["first_seen_at"]
    assert [(row["first_seen_at"] - start).days for row in rows] == [0, 1, 31, 32]


async def test_what_must_be_verified(world: ProfileWorld) -> None:
    world.rules = IdentityRules(PLAIN | {"email": TypeRule(5, must_verify=True)}, 100)
    await world.resolve([world.touchpoint("m1", "device_id:a", "email:e"), world.touchpoint("m2", "email:e")])
    named, device = await standing(world, "email:e"), await standing(world, "device_id:a")
    assert named["profile_id"] != device["profile_id"]
    await world.resolve([world.touchpoint("m3", "member_number:1", "email:e!", at=timedelta(1))])
    proven = await standing(world, "email:e")
    assert proven["profile_id"] == (await standing(world, "member_number:1"))["profile_id"]
    assert (proven["verified_at"], proven["changes"]) == (world.clock.now(), 0)
    assert not (await world.events()).merged
    await world.resolve([world.touchpoint("m4", "email:e", at=timedelta(2))])
    assert (await world.events()).resolved[-1].profile_id == proven["profile_id"]


async def test_limits_on_merging_queue_a_review_once_raise_an_alarm_and_stall_nothing(
    world: ProfileWorld,
) -> None:
    world.rules = IdentityRules(PLAIN, 3, MergeRate(1, timedelta(hours=1)))
    counted = METRICS.links_refused.labels(reason="merge_rate")._value.get()
    await world.resolve([world.touchpoint(f"m{n}", f"device_id:{n}", at=timedelta(n)) for n in range(4)])
    with structlog.testing.capture_logs() as told:
        for n in range(1, 4):
            await world.resolve([world.touchpoint(f"l{n}", "device_id:0", f"device_id:{n}")])
        await world.resolve([world.touchpoint("again", "device_id:0", "device_id:3")])
    rows = await world.db.pool.fetch("SELECT * FROM merge_suggestion ORDER BY right_profile_id")
    first, *others = sorted(await world.memberships())
    assert [(row["left_profile_id"], row["right_profile_id"], row["source"]) for row in rows] == [
        (first, others[1], "merge_rate"),
        (first, others[2], "merge_rate"),
    ]
    assert {row["state"] for row in rows} == {"open"}
    assert rows[0]["evidence"] == {"identifier_type": "device_id"}
    assert [(line["event"], line["log_level"]) for line in told] == [
        ("merge.queued_for_review", "warning")
    ] * 2
    assert {line["suggestion_id"] for line in told} == {str(row["suggestion_id"]) for row in rows}
    assert METRICS.links_refused.labels(reason="merge_rate")._value.get() == counted + 3
    world.clock.advance(3601)
    await world.resolve([world.touchpoint("later", "device_id:0", "device_id:2")])
    await world.resolve([world.touchpoint("last", "device_id:0", "device_id:3")])
    sources = await world.db.pool.fetch("SELECT source FROM merge_suggestion ORDER BY created_at, source")
    assert [row["source"] for row in sources] == ["merge_rate", "merge_rate", "cluster_size"]
    assert len((await world.events()).resolved) == 10
    assert (
        await world.db.pool.fetchval("SELECT count(*) FROM identifier WHERE quarantined_at IS NOT NULL") == 0
    )


async def test_an_undone_merge_stays_undone_on_the_same_evidence(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "device_id:d"), world.touchpoint("m2", "phone:p", at=timedelta(1))]
    )
    left, right = sorted(await world.memberships())
    await world.db.pool.execute(
        "INSERT INTO link_block VALUES ($1, $1, $2, $3, $4, now(), 'staff-1')",
        left,
        right,
        world.ref("device_id:d").hash,
        world.ref("phone:p").hash,
    )
    await world.resolve([world.touchpoint("m3", "phone:p", "device_id:d")])
    (refusal,) = await world.db.pool.fetch("SELECT reason FROM link_refusal")
    assert refusal["reason"] == "undone"
    await world.resolve(
        [world.touchpoint("m4", "user_id:u", "device_id:d"), world.touchpoint("m5", "user_id:u", "phone:p")]
    )
    assert len((await world.events()).merged) == 1


async def test_staff_name_the_customer_they_act_on(world: ProfileWorld) -> None:
    await world.resolve([world.touchpoint("m1", "phone:p")])
    (customer,) = await world.memberships()
    edit = world.touchpoint("m2", "email:e", at=timedelta(1), channel="staff")
    edit.profile_id = customer
    await world.resolve([edit])
    assert (await world.events()).resolved[-1].profile_id == customer
    assert (await standing(world, "email:e"))["profile_id"] == customer


async def test_a_batch_with_nothing_at_stake_reads_once(world: ProfileWorld) -> None:
    """Identifiers in quarantine, verified and recycled ones cost no statement more."""
    await world.resolve(
        [
            *(world.touchpoint(f"m{n}", f"member_number:{n}", "device_id:t") for n in range(3)),
            world.touchpoint("m4", "device_id:t"),
            world.touchpoint("m5", "phone:p!"),
        ]
    )
    again = [
        world.touchpoint("n1", "device_id:t"),
        world.touchpoint("n2", "phone:p!"),
        world.touchpoint("n3", "member_number:1"),
    ]
    assert await world.statements(again) == 5


async def test_a_simulation_tells_what_would_come_of_it_and_writes_nothing(world: ProfileWorld) -> None:
    await world.resolve(
        [
            world.touchpoint("m1", "member_number:1", "device_id:d"),
            world.touchpoint("m2", "phone:p", at=timedelta(1)),
            world.touchpoint("m3", "member_number:2", "email:e", at=timedelta(2)),
        ]
    )
    first, second, _ = sorted(await world.memberships())
    before = await world.db.pool.fetch("SELECT * FROM identifier ORDER BY hash")

    async def told(*identifiers: str) -> Simulation:
        async with world.db.transaction(isolation="repeatable_read", readonly=True) as connection:
            refs = [world.ref(text) for text in identifiers]
            return await simulate(refs, PostgresIdentities(connection), world.rules, world.clock.now())

    joining = await told("phone:p", "email:new", "device_id:d")
    assert joining.customer_id == first
    assert [(merge.customer_id, merge.absorbed_customer_id) for merge in joining.resolution.merges] == [
        (first, second)
    ]
    assert [attachment.type for attachment in joining.resolution.attachments] == ["email"]
    refused = await told("member_number:2", "device_id:d")
    assert [refusal.reason for refusal in refused.resolution.refusals] == ["limit"]
    assert [event.kind for event in refused.resolution.events] == ["quarantined"]
    assert (await told("user_id:nobody")).customer_id is None
    assert await world.db.pool.fetch("SELECT * FROM identifier ORDER BY hash") == before
