"""Two customers joined because a person said so."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC, CUSTOMER_MERGED_TOPIC
from guanxi_contracts.customer import CUSTOMER_CHANGED, CUSTOMER_MERGED
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.db import is_transient
from profile_service.adapters.merging import merge_in
from profile_service.application.merge_customers import MergeCustomers, NoSuchCustomer
from profile_service.application.ports import Authority
from profile_service.domain.decisions import Merge

from .conftest import ProfileWorld

BY = Authority("manual", "staff-1", "same passport")


async def join(world: ProfileWorld, left: UUID, right: UUID) -> tuple[Merge | None, StreamUnit]:
    """Join two customers in a transaction, again after transient errors."""
    while True:
        try:
            async with world.db.transaction() as connection:
                unit = StreamUnit(connection, world.clock.now())
                return await merge_in(unit, MergeCustomers(left, right, BY)), unit
        except Exception as error:
            if not is_transient(error):
                raise


async def people(world: ProfileWorld, count: int) -> list[UUID]:
    """Customers of one fragment each, oldest first, who may not be one by the limits."""
    await world.resolve(
        [world.touchpoint(f"p{n}", f"member_number:{n}", at=timedelta(seconds=n)) for n in range(count)]
    )
    return sorted(await world.memberships())


async def test_a_person_joins_two_against_the_limits_and_it_is_written_down(world: ProfileWorld) -> None:
    older, newer = await people(world, 2)
    merge, unit = await join(world, newer, older)
    assert merge is not None
    assert await world.memberships() == {older: older, newer: older}
    row = await world.db.pool.fetchrow("SELECT * FROM merge_journal")
    assert (row["customer_id"], row["absorbed_customer_id"], row["moved"]) == (older, newer, [newer])
    assert (row["home_profile_id"], row["owner_profile_id"]) == (newer, older)
    assert (row["rule"], row["actor"], row["reason"]) == ("manual", "staff-1", "same passport")
    assert (row["identifier_type"], row["identifier_hash"], row["strongest_hash"]) == ("manual", b"", None)
    assert row["touchpoint_id"] == row["merge_id"] == merge.merge_id
    (merged_topic, key, merged), (changed_topic, _, changed) = unit.events
    assert (merged_topic, changed_topic) == (CUSTOMER_MERGED_TOPIC.name, CUSTOMER_CHANGED_TOPIC.name)
    assert key == older.bytes
    event = CUSTOMER_MERGED.decode(merged).data
    assert [(each.profile_id, each.membership_version) for each in event.moved] == [(newer, 2)]
    assert CUSTOMER_CHANGED.decode(changed).data.changed == ["merged"]
    assert await world.db.pool.fetchval("SELECT sum(merges) FROM totals") == 1
    assert await world.db.pool.fetchval("SELECT bool_and(joined) FROM fragment")


async def test_who_is_one_already_stays_so_and_nobody_unknown_is_joined(world: ProfileWorld) -> None:
    older, newer = await people(world, 2)
    await join(world, older, newer)
    again, unit = await join(world, newer, older)
    assert again is None
    assert not unit.events
    with pytest.raises(NoSuchCustomer):
        await join(world, older, uuid4())


async def test_joins_at_the_same_time_as_touchpoints_end_in_one_customer(world: ProfileWorld) -> None:
    """Hands join a ring of people while touchpoints give each of them identifiers: a tree of edges comes of it."""
    ring = await people(world, 12)
    await asyncio.gather(
        *(join(world, ring[n], ring[(n + 1) % 12]) for n in range(12)),
        *(
            world.resolve([world.touchpoint(f"t{n}", f"member_number:{n}", f"device_id:{n}")], partition=n)
            for n in range(12)
        ),
    )
    assert set((await world.memberships()).values()) == {ring[0]}
    rows = await world.db.pool.fetch("SELECT home_profile_id, owner_profile_id FROM merge_journal")
    assert len(rows) == 11
    versions = await world.db.pool.fetch("SELECT profile_id, version, joined FROM fragment")
    assert all(row["joined"] for row in versions)
