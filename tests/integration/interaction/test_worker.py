"""From touchpoint.resolved and customer.merged to the timeline, over each engine of the log."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from tests.integration import regrouping

from guanxi_contracts.catalog import TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.touchpoint import Purchase
from guanxi_kit.log.port import Outgoing
from guanxi_kit.testing import eventually
from interaction_service.adapters.timeline import MonthlyPartitions

from .conftest import NOW, Engine, MemoryEngine, Service, ServiceOn, running_worker
from .events import Event, count, merged, outgoing, publish, resolved, rows

TOUCHPOINTS = "SELECT count(*) FROM touchpoint"
LETTERS = "SELECT count(*) FROM dead_letter"


async def stored(service: Service, sql: str, expected: int) -> None:
    async def holds() -> bool:
        return await count(service.database, sql) == expected

    await eventually(holds)


async def test_touchpoints_reach_the_timeline_once(service_on: ServiceOn, engine: Engine) -> None:
    async with service_on(engine) as service:
        person = uuid4()
        events = [
            resolved(
                service.keyring, person, at=NOW - timedelta(days=day), purchase=Purchase(100 + day, "CNY")
            )
            for day in range(90)
        ]
        records = [outgoing(event) for event in events]
        await publish(engine, [*records, *records[:10]])
        async with running_worker(service):
            await stored(service, TOUCHPOINTS, 90)
            await publish(engine, records[5:20])
            await publish(engine, [outgoing(resolved(service.keyring, person))])
            await stored(service, TOUCHPOINTS, 91)
        page = (await service.timeline(person, limit=3)).json()
        assert [item["purchase"] for item in page["items"]] == [
            None,
            {"amount_minor": 100, "currency": "CNY", "quantity": 1},
            {"amount_minor": 101, "currency": "CNY", "quantity": 1},
        ]


async def test_a_new_owner_goes_on_where_the_last_one_stopped(service: Service, memory: MemoryEngine) -> None:
    person = uuid4()
    for _ in range(3):
        await publish(memory, [outgoing(resolved(service.keyring, person)) for _ in range(5)])
        async with running_worker(service):
            await stored(
                service,
                "SELECT 0 + sum(next_offset)::int FROM consumer_position WHERE topic = 'touchpoint.resolved'",
                sum(memory.log.partition(p).end for p in memory.log.positions("touchpoint.resolved")),
            )
    assert await count(service.database, TOUCHPOINTS) == 15


async def test_one_bad_record_stops_nobody(service: Service, memory: MemoryEngine) -> None:
    person = uuid4()
    good = [outgoing(resolved(service.keyring, person)) for _ in range(20)]
    topic, key = TOUCHPOINT_RESOLVED_TOPIC.name, person.bytes
    value = good[0].value
    bad = [
        Outgoing(topic, key, value[:-20]),
        Outgoing(topic, key, b"\0" * 900_000),
        Outgoing(topic, key, value.replace(b"resolved.v1", b"resolved.v9")),
        Outgoing(topic, key, value.replace(b'"membership_version":1', b'"membership_version":"x"')),
        outgoing(resolved(service.keyring, person, name="a\0b")),
        outgoing(resolved(service.keyring, person, channel="\0")),
        outgoing(resolved(service.keyring, person, purchase=Purchase(2**63, "CNY"))),
    ]
    mixed = [*good, *bad]
    random.Random(4).shuffle(mixed)
    await publish(memory, mixed)
    async with running_worker(service):
        await stored(service, LETTERS, len(bad))
        await stored(service, TOUCHPOINTS, len(good))
    reasons = {row["reason"] for row in await rows(service.database, "SELECT reason FROM dead_letter")}
    assert "touchpoint: a text holds U+0000" in reasons
    assert "touchpoint: a figure of its purchase is too large" in reasons


@pytest.mark.parametrize("seed", range(4))
async def test_order_does_not_matter_to_membership(service: Service, memory: MemoryEngine, seed: int) -> None:
    first, second, third = (UUID(int=number) for number in (11, 12, 13))
    events: list[Event] = [
        resolved(service.keyring, first),
        resolved(service.keyring, second),
        resolved(service.keyring, third),
        merged(second, third, {third: 2}),
        resolved(service.keyring, third, customer=second, version=2),
        merged(first, second, {second: 2, third: 3}),
        resolved(service.keyring, third, customer=first, version=3),
    ]
    random.Random(seed).shuffle(events)
    async with running_worker(service):
        for event in events:
            await publish(memory, [outgoing(event)])
        await stored(service, TOUCHPOINTS, 5)
        await stored(service, "SELECT sum(version)::int FROM membership", 6)
    for person in (first, second, third):
        assert len((await service.timeline(person)).json()["items"]) == 5


async def test_an_undone_merge_parts_the_timelines(service: Service, memory: MemoryEngine) -> None:
    first, second = UUID(int=21), UUID(int=22)
    events: list[Event] = [
        resolved(service.keyring, first),
        resolved(service.keyring, second),
        merged(first, second, {second: 2}),
        resolved(service.keyring, second, customer=first, version=2),
        regrouping.split(second, first, {second: 3}, UUID(int=9)),
    ]
    async with running_worker(service):
        await publish(memory, [outgoing(event) for event in events])
        await stored(service, TOUCHPOINTS, 3)
        await stored(service, "SELECT sum(version)::int FROM membership", 4)
    assert len((await service.timeline(first)).json()["items"]) == 1
    assert len((await service.timeline(second)).json()["items"]) == 2


@pytest.mark.parametrize("seed", range(3))
async def test_any_story_told_in_any_order_ends_with_the_same_timelines(
    service: Service, memory: MemoryEngine, seed: int
) -> None:
    """Merges, undos and merges again, delivered shuffled: the newest membership of each fragment stays."""
    chance = random.Random(seed)
    story = regrouping.Story.of(6, chance)
    for _ in range(30):
        story.go_on()
    told: list[Event] = [resolved(service.keyring, person) for person in story.memberships]
    told += story.events
    chance.shuffle(told)
    async with running_worker(service):
        await publish(memory, [outgoing(event) for event in told])
        newest = sum(version for _, version in story.memberships.values())
        await stored(service, TOUCHPOINTS, len(story.memberships))
        await stored(service, "SELECT sum(version)::int FROM membership", newest)
    for person, (customer, _) in story.memberships.items():
        page = (await service.timeline(person)).json()
        beside = [one for one, (other, _) in story.memberships.items() if other == customer]
        assert {item["profile_id"] for item in page["items"]} == {str(one) for one in beside}


async def test_months_get_partitions_and_absurd_times_do_not(service: Service, memory: MemoryEngine) -> None:
    person = uuid4()
    times = [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1997, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1998, 1, 1, tzinfo=UTC),
        NOW,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
    ]
    async with running_worker(service):
        await publish(memory, [outgoing(resolved(service.keyring, person, at=time)) for time in times])
        await stored(service, TOUCHPOINTS, len(times))
    found = await rows(
        service.database, "SELECT tableoid::regclass::text AS part, occurred_at FROM touchpoint"
    )
    assert {row["part"] for row in found} == {
        "touchpoint_1970_01",
        "touchpoint_1997_12",
        "touchpoint_1998_01",
        "touchpoint_2026_05",
        "touchpoint_other",
    }
    items = (await service.timeline(person)).json()["items"]
    assert [item["occurred_at"][:4] for item in items] == ["9999", "2026", "1998", "1997", "1970", "0001"]


async def test_rows_of_the_default_partition_move_when_their_month_gets_its_own(
    service: Service, memory: MemoryEngine
) -> None:
    person = uuid4()
    async with service.database.connection() as connection:
        await connection.execute(
            "INSERT INTO touchpoint (profile_id, occurred_at, touchpoint_id, received_at, channel, kind, sealed)"
            " SELECT $1, $2::timestamptz + n * interval '16 days', gen_random_uuid(), $2, 'web', 'track', ''"
            " FROM generate_series(0, 2) AS n",
            person,
            datetime(2020, 1, 1, tzinfo=UTC),
        )
    async with running_worker(service):
        at = datetime(2020, 1, 31, 23, 59, tzinfo=UTC)
        await publish(memory, [outgoing(resolved(service.keyring, person, at=at))])
        await stored(service, TOUCHPOINTS, 4)
    assert await count(service.database, "SELECT count(*) FROM touchpoint_2020_01") == 3
    assert await count(service.database, "SELECT count(*) FROM touchpoint_other") == 1


async def test_many_workers_may_meet_a_new_month(service: Service) -> None:
    months = range(2010 * 12, 2010 * 12 + 6)
    await asyncio.gather(*(MonthlyPartitions(service.database).ensure(months) for _ in range(6)))
    assert (
        await count(
            service.database, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'touchpoint'::regclass"
        )
        == 7
    )
