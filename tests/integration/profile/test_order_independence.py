"""The same touchpoints give the same customers and totals, whatever the order, the batches and the workers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guanxi_contracts.touchpoint import TouchpointReceivedV1

from .conftest import UNLIMITED, ProfileWorld

KINDS = ("member_number", "user_id", "phone", "device_id")
IDENTIFIERS = [f"{kind}:{value}" for kind in KINDS for value in range(4)]
seen_with = st.lists(st.sampled_from(IDENTIFIERS), max_size=3, unique=True)
amounts = st.one_of(st.none(), st.tuples(st.integers(0, 9), st.sampled_from(["CNY", "EUR"])))


class Oracle:
    """Who is who by union-find over touchpoints and their identifiers."""

    def __init__(self) -> None:
        self.parent: dict[object, object] = {}

    def find(self, item: object) -> object:
        while self.parent.setdefault(item, item) != item:
            item = self.parent[item]
        return item

    def join(self, one: object, other: object) -> None:
        self.parent[self.find(one)] = self.find(other)


def grouped(by: dict[UUID, Any]) -> set[frozenset[UUID]]:
    """The partition of keys that share a value."""
    groups: defaultdict[Any, set[UUID]] = defaultdict(set)
    for key, value in by.items():
        groups[value].add(key)
    return {frozenset(group) for group in groups.values()}


def expected_groups(touchpoints: list[TouchpointReceivedV1]) -> set[frozenset[UUID]]:
    """The partition of touchpoints into persons."""
    oracle = Oracle()
    for touchpoint in touchpoints:
        oracle.find(touchpoint.touchpoint_id)
        for identifier in touchpoint.identifiers:
            oracle.join(touchpoint.touchpoint_id, identifier.hash)
    return grouped({t.touchpoint_id: oracle.find(t.touchpoint_id) for t in touchpoints})


def cut(items: list[TouchpointReceivedV1], chance: random.Random) -> list[list[TouchpointReceivedV1]]:
    """Random batches."""
    batches = []
    while items:
        size = chance.randint(1, 8)
        batches.append(items[:size])
        items = items[size:]
    return batches


async def run_workers(world: ProfileWorld, batches: list[list[TouchpointReceivedV1]], workers: int) -> int:
    """Give the batches to several workers, each on partitions of its own; return the retries."""
    queue = list(enumerate(batches))

    async def worker(number: int) -> int:
        retries = 0
        while queue:
            _, batch = queue.pop(0)
            retries += await world.resolve(batch, partition=number)
        return retries

    return sum(await asyncio.gather(*(worker(number) for number in range(workers))))


async def check_totals(world: ProfileWorld, touchpoints: list[TouchpointReceivedV1]) -> None:
    """Compare partition, events, figures and counters with the oracle."""
    groups = expected_groups(touchpoints)
    events, memberships = await world.events(), await world.memberships()
    placement = events.placement()
    assert len(events.resolved) == len(placement) == len(touchpoints)
    assert grouped({t: memberships[profile_id] for t, profile_id in placement.items()}) == groups
    assert events.projection() == memberships
    totals = await world.db.pool.fetchrow(
        "SELECT sum(touchpoints) AS touchpoints, sum(fragments) AS fragments, sum(merges) AS merges FROM totals"
    )
    assert totals["touchpoints"] == len(touchpoints)
    assert totals["fragments"] == len(memberships)
    assert totals["fragments"] - totals["merges"] == len(groups) == len(set(memberships.values()))
    assert totals["merges"] == len(events.merged)
    await check_figures(world, touchpoints, {t: memberships[p] for t, p in placement.items()})
    sizes = Counter(memberships.values())
    joined = await world.db.pool.fetch("SELECT profile_id FROM fragment WHERE joined")
    assert {row["profile_id"] for row in joined} == {
        p for p, customer_id in memberships.items() if sizes[customer_id] > 1
    }
    rows = await world.db.pool.fetch("SELECT customer_id, customer_number FROM customer")
    assert len({row["customer_number"] for row in rows}) == len(memberships)


async def check_figures(
    world: ProfileWorld, touchpoints: list[TouchpointReceivedV1], customer_of: dict[UUID, UUID]
) -> None:
    """Each customer's figures are those of its touchpoints."""
    expected: Counter[tuple[UUID, str, str]] = Counter()
    amounts: Counter[tuple[UUID, str, str]] = Counter()
    for touchpoint in touchpoints:
        currency = touchpoint.purchase.currency if touchpoint.purchase else ""
        key = (customer_of[touchpoint.touchpoint_id], touchpoint.channel, currency)
        expected[key] += 1
        amounts[key] += touchpoint.purchase.amount_minor if touchpoint.purchase else 0
    rows = await world.db.pool.fetch(
        "SELECT customer_id, channel, currency, sum(touchpoints)::int AS n, sum(amount_minor)::int AS amount"
        " FROM activity JOIN fragment USING (profile_id) GROUP BY customer_id, channel, currency"
    )
    assert {(r["customer_id"], r["channel"], r["currency"]): r["n"] for r in rows} == expected
    assert {(r["customer_id"], r["channel"], r["currency"]): r["amount"] for r in rows} == amounts


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    sightings=st.lists(st.tuples(seen_with, amounts, st.integers(0, 5)), min_size=1, max_size=40),
    seed=st.integers(0, 2**32),
    workers=st.integers(1, 3),
)
async def test_any_order_and_any_workers_find_the_same_customers(
    world: ProfileWorld,
    sightings: list[tuple[list[str], tuple[int, str] | None, int]],
    seed: int,
    workers: int,
) -> None:
    await world.clear()
    world.rules = UNLIMITED
    touchpoints = [
        world.touchpoint(
            f"m{number}",
            *identifiers,
            at=timedelta(seconds=seconds),
            amount=bought[0] if bought else None,
            currency=bought[1] if bought else "CNY",
            channel=f"channel-{seconds % 2}",
        )
        for number, (identifiers, bought, seconds) in enumerate(sightings)
    ]
    chance = random.Random(seed)
    sent = touchpoints + chance.choices(touchpoints, k=len(touchpoints) // 3)
    chance.shuffle(sent)
    await run_workers(world, cut(sent, chance), workers)
    await check_totals(world, touchpoints)


async def test_workers_that_meet_the_same_people_agree(world: ProfileWorld) -> None:
    """Larger batches on three workers, everybody connected to few others: conflicts do happen and do no harm."""
    world.rules = UNLIMITED
    chance = random.Random(11)
    touchpoints = [
        world.touchpoint(
            f"m{number}",
            *{f"{chance.choice(KINDS)}:{chance.randrange(150)}" for _ in range(chance.randint(1, 2))},
        )
        for number in range(900)
    ]
    batches = [touchpoints[start : start + 60] for start in range(0, 900, 60)]
    retries = await run_workers(world, batches, workers=3)
    await check_totals(world, touchpoints)
    assert retries > 0, "no two workers ever met: the test shows nothing"
