"""What one batch leaves in the database and in the outbox."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from guanxi_kit.consumer import Poison
from guanxi_kit.consumer.faults import is_record_fault
from guanxi_kit.crypto import Keyring, sealed_key_id

from .conftest import ProfileWorld


async def test_a_first_touchpoint_founds_a_numbered_customer(world: ProfileWorld) -> None:
    touchpoint = world.touchpoint("m1", "phone:+12025550101", "device_id:d1", amount=500)
    await world.resolve([touchpoint])
    events = await world.events()
    (resolved,) = events.resolved
    assert resolved.touchpoint == touchpoint
    assert resolved.profile_id == resolved.customer_id
    assert (resolved.membership_version, resolved.members) == (1, [])
    (changed,) = events.changed
    assert changed.customer_id == resolved.customer_id
    assert changed.changed == ["created", "touchpoints", "purchases", "identifiers"]
    assert changed.received_at == touchpoint.received_at
    number = await world.db.pool.fetchval("SELECT customer_number FROM customer")
    assert number == "C20240501001"


async def test_a_repeat_is_dropped_in_its_batch_and_after_a_year(world: ProfileWorld) -> None:
    first = world.touchpoint("m1", "user_id:u1", amount=500)
    repeat = world.touchpoint("m1", "user_id:somebody-else", amount=900)
    await world.resolve([first, first, repeat])
    world.clock.advance(timedelta(days=366))
    await world.resolve([repeat, first], partition=7)
    events = await world.events()
    assert [event.touchpoint.identifiers for event in events.resolved] == [first.identifiers]
    row = await world.db.pool.fetchrow(
        "SELECT sum(touchpoints) AS n, sum(amount_minor) AS amount FROM activity"
    )
    assert (row["n"], row["amount"]) == (1, 500)
    assert await world.db.pool.fetchval("SELECT count(*) FROM identifier") == 1


async def test_a_merge_redirects_and_is_explained(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "device_id:d1"), world.touchpoint("m2", "phone:p1", at=timedelta(1))]
    )
    before = await world.events()
    older, newer = (event.customer_id for event in before.resolved)
    evidence = world.touchpoint("m3", "phone:p1", "device_id:d1", at=timedelta(2))
    world.clock.advance(60)
    await world.resolve([evidence])
    events = await world.events()
    (merged,) = events.merged
    assert (merged.customer_id, merged.absorbed_customer_id) == (older, newer)
    assert [(each.profile_id, each.membership_version) for each in merged.moved] == [(newer, 2)]
    assert (merged.touchpoint_id, merged.identifier_type) == (evidence.touchpoint_id, "device_id")
    last = events.resolved[-1]
    assert (last.profile_id, last.customer_id, last.membership_version) == (newer, older, 2)
    assert last.members == [older, newer]
    assert events.changed[-1].customer_id == older
    assert events.changed[-1].changed == ["touchpoints", "merged"]
    assert await world.memberships() == {older: older, newer: older}
    journal = await world.db.pool.fetchrow("SELECT * FROM merge_journal")
    assert (journal["customer_id"], journal["absorbed_customer_id"], journal["moved"]) == (
        older,
        newer,
        [newer],
    )
    assert (journal["touchpoint_id"], journal["merged_at"]) == (evidence.touchpoint_id, world.clock.now())
    assert journal["identifier_hash"] == world.ref("device_id:d1").hash


async def test_members_are_told_as_long_as_there_are_several(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "device_id:d1"), world.touchpoint("m2", "phone:p1", at=timedelta(1))]
    )
    await world.resolve([world.touchpoint("m3", "phone:p1", "device_id:d1")])
    await world.resolve([world.touchpoint("m4", "device_id:d1"), world.touchpoint("m5", "device_id:alone")])
    *_, known, alone = (await world.events()).resolved
    assert len(known.members) == 2
    assert not alone.members


async def test_merging_costs_fragments_not_history(world: ProfileWorld) -> None:
    """However much two customers did, joining them writes no figure anew."""
    many = [world.touchpoint(f"a{n}", "device_id:d1", channel=f"c{n % 50}") for n in range(500)]
    await world.resolve([*many, world.touchpoint("b", "phone:p1", at=timedelta(1))])
    before = await world.db.pool.fetch("SELECT ctid, xmin FROM activity ORDER BY ctid")
    await world.resolve([world.touchpoint("c", "phone:p1", "device_id:d1", channel="new")])
    after = await world.db.pool.fetch("SELECT ctid, xmin FROM activity WHERE channel <> 'new' ORDER BY ctid")
    assert [tuple(row) for row in after] == [tuple(row) for row in before]
    assert len((await world.events()).merged) == 1


async def test_a_refused_link_is_visible_and_counted_in_one_row(world: ProfileWorld) -> None:
    await world.resolve([world.touchpoint("m1", "member_number:1", "device_id:tablet")])
    await world.resolve([world.touchpoint("m2", "member_number:2", "device_id:tablet")])
    last = world.touchpoint("m3", "member_number:2", "device_id:tablet")
    await world.resolve([last])
    (row,) = await world.db.pool.fetch("SELECT * FROM link_refusal")
    assert (row["reason"], row["rule_type"], row["identifier_type"]) == (
        "limit",
        "member_number",
        "device_id",
    )
    assert (row["strongest_hash"], row["identifier_hash"]) == (
        world.ref("member_number:2").hash,
        world.ref("device_id:tablet").hash,
    )
    assert (row["times"], row["touchpoint_id"]) == (2, last.touchpoint_id)
    assert len(set((await world.memberships()).values())) == 2
    placement = (await world.events()).placement()
    assert placement[last.touchpoint_id] == (await world.events()).resolved[1].profile_id


async def test_limits_hold_when_workers_attach_at_the_same_time(world: ProfileWorld) -> None:
    """Three phones are allowed; six arrive at once on six workers."""
    await world.resolve([world.touchpoint("m0", "device_id:d1")])
    await asyncio.gather(
        *(
            world.resolve([world.touchpoint(f"m{n}", f"phone:p{n}", "device_id:d1")], partition=n)
            for n in range(1, 7)
        )
    )
    held = await world.db.pool.fetch(
        "SELECT customer_id, count(*) AS phones FROM identifier JOIN fragment USING (profile_id)"
        " WHERE type = 'phone' GROUP BY customer_id ORDER BY phones"
    )
    assert [row["phones"] for row in held] == [1, 1, 1, 3]


async def test_personal_data_is_nowhere_in_clear(world: ProfileWorld) -> None:
    await world.resolve(
        [
            world.touchpoint(
                "m1",
                "phone:+12025550101",
                "email:ada@example.com",
                traits={"name": "Ada Test", "city": "Paris"},
            )
        ]
    )
    tables = await world.db.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'profile'")
    for table in tables:
        rows: list[Any] = await world.db.pool.fetch(f"SELECT t::text AS row FROM {table['tablename']} AS t")
        for row in rows:
            for clear in ("12025550101", "ada@example", "Ada Test", "Paris"):
                assert clear not in row["row"]
                assert clear.encode().hex() not in row["row"]


@pytest.mark.parametrize(
    "content", [b"not json", b'{"identifiers": []}', b'{"identifiers": [{"type": "phone"}]}']
)
async def test_content_that_is_not_as_agreed_is_poison(world: ProfileWorld, content: bytes) -> None:
    bad = world.touchpoint("m1", "user_id:u1")
    bad.sealed = world.keyring.seal(content, bad.touchpoint_id.bytes)
    with pytest.raises(Poison, match="sealed content"):
        await world.resolve([bad])


async def test_content_sealed_for_another_touchpoint_is_poison(world: ProfileWorld) -> None:
    bad, other = world.touchpoint("m1", "user_id:u1"), world.touchpoint("m2", "user_id:u1")
    bad.sealed = other.sealed
    with pytest.raises(Poison, match="does not open"):
        await world.resolve([bad])


async def test_values_sealed_before_a_rotation_are_still_taken(world: ProfileWorld) -> None:
    touchpoint = world.touchpoint("m1", "user_id:u1", traits={"city": "Paris"})
    rotated: Keyring = world.keyring.with_new_key().promoted()
    world.keyring = rotated
    await world.resolve([touchpoint])
    sealed = await world.db.pool.fetchval("SELECT sealed FROM trait_source")
    assert sealed_key_id(sealed) == rotated.primary_key_id


async def test_customer_numbers_are_unique_and_restart_each_business_day(world: ProfileWorld) -> None:
    async def found(day: str, worker: int) -> None:
        await world.resolve([world.touchpoint(f"{day}-{worker}-{n}") for n in range(30)], partition=worker)

    await asyncio.gather(*(found("one", worker) for worker in range(6)))
    numbers = [row[0] for row in await world.db.pool.fetch("SELECT customer_number FROM customer")]
    assert len(set(numbers)) == len(numbers) == 180
    assert all(number.startswith("C20240501") for number in numbers)
    assert {int(number[9:]) for number in numbers} == set(range(1, 181))
    world.clock.advance(datetime(2024, 5, 1, 16, tzinfo=world.clock.now().tzinfo) - world.clock.now())
    await asyncio.gather(*(found("two", worker) for worker in range(3)))
    rows = await world.db.pool.fetch(
        "SELECT customer_number FROM customer WHERE created_at >= $1", world.clock.now()
    )
    later = {row[0] for row in rows}
    assert later == {f"C20240502{number:03d}" for number in range(1, 91)}


async def test_a_batch_takes_few_statements(world: ProfileWorld) -> None:
    """No statement per touchpoint: a large batch sends as many as a small one."""

    async def statements(prefix: str, size: int) -> int:
        return await world.statements(
            world.touchpoint(
                f"{prefix}{n}", f"user_id:{prefix}{n}", f"device_id:{prefix}{n // 2}", traits={"n": n}
            )
            for n in range(size)
        )

    await statements("warm", 10)
    small, large = await statements("s", 10), await statements("l", 400)
    assert large == small <= 12


async def test_outputs_carry_the_cause_of_their_touchpoint(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "user_id:u1"), world.touchpoint("m2", "user_id:u1")], partition=4
    )
    (row,) = await world.db.pool.fetch("SELECT source, records FROM outbox")
    assert row["source"] == "touchpoint.received/4"
    causes = [dict(headers)["cause"] for _, _, _, headers in msgspec.msgpack.decode(row["records"])]
    assert causes == [
        b"touchpoint.received/4:0:0",
        b"touchpoint.received/4:1:0",
        b"touchpoint.received/4:1:1",
    ]


async def test_a_trait_name_that_no_index_can_hold_is_left_out(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "user_id:u1", traits={"x" * 5000: 1, "nul\0": 2, "city": "Paris"})]
    )
    assert [row["name"] for row in await world.db.pool.fetch("SELECT name FROM trait_source")] == ["city"]


@pytest.mark.parametrize("amount", [2**63, 2**63 - 1])
async def test_figures_that_no_column_can_hold_are_the_record_s_fault(
    world: ProfileWorld, amount: int
) -> None:
    """The worker parks such a record and goes on; anything else it would retry for ever."""
    await world.resolve([world.touchpoint("m0", "user_id:u1", amount=1)])
    with pytest.raises(Exception, match=r"int64|bigint") as caught:
        await world.resolve([world.touchpoint("m1", "user_id:u1", amount=amount)])
    assert is_record_fault(caught.value)
