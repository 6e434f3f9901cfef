"""New and changed rules reach everybody by a job, and counts stay exact, whatever changes meanwhile."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from guanxi_kit.jobs import Job, read_job
from guanxi_kit.testing import eventually, waits_for_a_lock
from profile_service.adapters import reevaluation_job
from profile_service.adapters.merging import undo_in
from profile_service.application.classify_customers import ChangedRules

from .classifying import Desk, pack, segment, tag
from .conftest import START, ProfileWorld
from .test_classifying import customer_of, meet

BUYERS = {">=": [{"var": "purchases.count"}, 1]}


async def people(desk: Desk, count: int, **rest: Any) -> list[UUID]:
    """Customers with a purchase each, those with an even number twice."""
    world = desk.world
    touchpoints = [world.touchpoint(f"p{n}", f"user_id:u{n}", amount=n, **rest) for n in range(count)]
    touchpoints += [world.touchpoint(f"q{n}", f"user_id:u{n}", amount=n) for n in range(0, count, 2)]
    await world.resolve(touchpoints)
    return [await customer_of(world, f"p{n}") for n in range(count)]


async def current_job(desk: Desk) -> Job:
    row = await desk.world.db.pool.fetchrow(
        "SELECT job_id FROM job ORDER BY requested_at DESC, job_id LIMIT 1"
    )
    async with desk.world.db.connection() as connection:
        job = await read_job(connection, row["job_id"])
    assert job is not None
    return job


async def install(desk: Desk, *rules: Any) -> None:
    """Bring another pack with these segments, as a deployment does."""
    desk.clock._pack = pack(segments=rules)
    await desk.clock.install()


async def test_a_changed_rule_reaches_everybody_and_a_crash_costs_a_page(
    world: ProfileWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reevaluation_job, "PAGE_SIZE", 7)
    desk = Desk(world, pack())
    await desk.clock.install()
    everybody = await people(desk, 20)
    await desk.follow()
    await install(desk, segment("often", {">=": [{"var": "purchases.count"}, 2]}))
    job = await current_job(desk)
    steps = desk.steps(job.job_id)
    assert (await anext(steps)).done == 7
    assert (await desk.counts())["often"] < 10
    # The process dies between work and commit: nothing of that page took effect.
    half = await current_job(desk)
    await desk.job.work(half)
    restarted = Desk(world, pack())
    done = [step.done async for step in restarted.steps(job.job_id)]
    assert done == [14, 20, 20]
    assert (await current_job(desk)).result == {"changed": 10}
    assert await desk.counts() == {"often": 10}
    assert {each for each in everybody if await desk.segments(each)} == set(everybody[::2])
    await restarted.clock.install()
    assert (await desk.heard()).count("into often") == 10

    await install(desk, segment("often", {">=": [{"var": "purchases.count"}, 5]}))
    await desk.run_jobs()
    assert await desk.counts() == {}
    await install(desk)
    await desk.run_jobs()
    assert await world.db.pool.fetchval("SELECT count(*) FROM classification_rule") == 0


async def test_a_new_rule_waits_for_those_who_work_by_the_old(world: ProfileWorld) -> None:
    desk = Desk(world, pack(segments=[segment("buyers", BUYERS)]))
    await desk.clock.install()
    await desk.run_jobs()
    someone = await meet(desk, "m1", "user_id:u1", amount=1)
    async with desk.unit() as slow:
        held = await desk.classifying.hold(slow.connection, slow.now)
        changing = asyncio.create_task(install(desk, segment("buyers", {"==": [{"var": "kind"}, "none"]})))
        await eventually(lambda: waits_for_a_lock(world.db))
        assert not changing.done()
        await held.classify({someone: None})
    await changing
    await desk.run_jobs()
    assert await desk.counts() == {}


async def test_a_pack_installed_again_changes_nothing(world: ProfileWorld) -> None:
    declared = pack([tag("vip"), tag("buyer", BUYERS)], [segment("buyers", BUYERS)])
    desk = Desk(world, declared)
    await desk.clock.install()
    before = await world.db.pool.fetch("SELECT * FROM classification_rule ORDER BY name")
    for _ in range(2):
        await Desk(world, declared).clock.install()
    assert await world.db.pool.fetch("SELECT * FROM classification_rule ORDER BY name") == before
    assert await world.db.pool.fetchval("SELECT count(*) FROM job") == 1


@pytest.mark.timeout(120)
async def test_counts_equal_a_recount_under_concurrent_workers(world: ProfileWorld) -> None:
    """Two workers, the clock, a job of a changing rule and merges at the same time, in an order that chance decides."""
    chance = random.Random(11)
    rules = [
        segment("buyers", BUYERS),
        segment("often", {">=": [{"var": "purchases.count"}, 3]}),
        segment("silent", {">=": [{"var": "days_since_last_seen"}, 10]}),
    ]
    desk, other = Desk(world, pack(segments=rules)), Desk(world, pack(segments=rules))
    await desk.clock.install()
    await desk.run_jobs()
    for turn in range(12):
        names = chance.choices(range(30), k=15)
        touchpoints = [
            world.touchpoint(
                f"t{turn}-{n}-{place}",
                *([f"phone:{n % 7}", f"device_id:d{n}"] if chance.random() < 0.3 else [f"device_id:d{n}"]),
                amount=chance.choice([None, 5]),
                at=world.clock.now() - START,
            )
            for place, n in enumerate(names)
        ]
        await world.resolve(touchpoints)
        world.clock.advance(timedelta(days=chance.choice([0, 1, 6])))
        if turn in (3, 8):
            least = {3: 2, 8: 4}[turn]
            rules[1] = segment("often", {">=": [{"var": "purchases.count"}, least]})
            await install(desk, *rules)
        if turn in (5, 9):
            await undo_last_merge(desk)
        await asyncio.gather(desk.follow(), other.follow(), desk.clock.classify_due(), desk.run_jobs())
    await desk.follow()
    await desk.clock.classify_due()
    await desk.run_jobs()
    recount = await world.db.pool.fetch(
        "SELECT segment, count(*)::int AS n FROM segment_member GROUP BY segment"
    )
    assert await desk.counts() == {row["segment"]: row["n"] for row in recount}
    await check_against_a_fresh_evaluation(desk)


async def check_against_a_fresh_evaluation(desk: Desk) -> None:
    """What stands is what the rules say now of everybody, and only current customers have anything."""
    async with desk.world.db.connection() as connection:
        look = await desk.classifying.read(connection, desk.world.clock.now())
        rows = await connection.fetch("SELECT customer_id FROM fragment WHERE customer_id = profile_id")
        current = {row[0] for row in rows}
        everything = ChangedRules(frozenset(), frozenset(look.classifier.rulebook.segments), lifecycle=False)
        assert await look.find_concerned(current, everything) == []
        rows = await connection.fetch("SELECT DISTINCT customer_id FROM segment_member")
        assert {row[0] for row in rows} <= current


async def undo_last_merge(desk: Desk) -> None:
    merge_id = await desk.world.db.pool.fetchval(
        "SELECT merge_id FROM merge_journal WHERE undone_at IS NULL ORDER BY merged_at DESC, merge_id LIMIT 1"
    )
    async with desk.unit() as unit:
        await undo_in(unit, merge_id, "lead", "another person")


async def test_undo_gives_each_side_its_own(world: ProfileWorld) -> None:
    """Fragments that part are classified by themselves again."""
    desk = Desk(world, pack(segments=[segment("twice", {">=": [{"var": "purchases.count"}, 2]})]))
    await desk.clock.install()
    await desk.run_jobs()
    first = await meet(desk, "m1", "user_id:u1", amount=1)
    await meet(desk, "m2", "phone:1", amount=1, at=timedelta(seconds=1))
    await meet(desk, "m3", "user_id:u1", "phone:1", at=timedelta(seconds=2))
    assert await desk.segments(first) == {"twice"}
    await undo_last_merge(desk)
    await desk.follow()
    assert await desk.counts() == {}
    assert (await desk.heard())[-1] == "out of twice"
