"""Workers, merges by hand and undos at the same time: whatever the order was, it is one that the rules allow."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.db import is_transient
from profile_service.adapters.merging import merge_in, undo_in
from profile_service.application.merge_customers import MergeCustomers
from profile_service.application.ports import Authority
from profile_service.application.undo_merge import AlreadyUndone
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule

from .conftest import ProfileWorld

LIMITS = {"member_number": 1, "phone": 2, "device_id": 3}
RULES = IdentityRules(
    {name: TypeRule(limit) for name, limit in LIMITS.items()}, 8, MergeRate(6, timedelta(hours=1))
)
KINDS = ("member_number", "phone", "phone", "device_id", "device_id")


def touchpoints(
    world: ProfileWorld, chance: random.Random, count: int, first: int = 0
) -> list[TouchpointReceivedV1]:
    """Touchpoints of few identifiers, so that everybody meets everybody; one in ten is sent twice."""
    sent = []
    for number in range(first, first + count):
        texts = {f"{chance.choice(KINDS)}:{chance.randrange(60)}" for _ in range(chance.choice((1, 2, 2, 3)))}
        proven = [text + "!" * (chance.random() < 0.3) for text in sorted(texts)]
        sent.append(world.touchpoint(f"m{number}", *proven, at=timedelta(seconds=number)))
    return sent + chance.choices(sent, k=count // 10)


async def again(world: ProfileWorld, command: Callable[[StreamUnit], Awaitable[object]]) -> None:
    """Carry a command out, again after transient errors."""
    while True:
        try:
            async with world.db.transaction() as connection:
                await command(StreamUnit(connection, world.clock.now()))
        except AlreadyUndone:
            return
        except Exception as error:
            if not is_transient(error):
                raise
        else:
            return


async def meddle(world: ProfileWorld, chance: random.Random, times: int) -> None:
    """Undo merges and join customers by hand."""
    for _ in range(times):
        merges = await world.db.pool.fetch("SELECT merge_id FROM merge_journal WHERE undone_at IS NULL")
        if merges:
            merge_id = chance.choice(merges)["merge_id"]
            await again(world, partial(undo_in, merge_id=merge_id, actor="staff", reason="two people"))
        left, right = chance.choices(sorted(await world.memberships()) or [UUID(int=0)], k=2)
        if left != right:
            command = MergeCustomers(left, right, Authority("manual", "staff", "one person"))
            await again(world, partial(merge_in, command=command))


async def check(world: ProfileWorld, sent: list[TouchpointReceivedV1]) -> None:
    """Every touchpoint has its place, merges span customers as trees, and nobody in quarantine belongs to anybody."""
    events, memberships = await world.events(), await world.memberships()
    assert set(events.placement()) == {touchpoint.touchpoint_id for touchpoint in sent}
    assert len(events.resolved) == len(events.placement())
    parent = {profile_id: profile_id for profile_id in memberships}

    def find(item: UUID) -> UUID:
        while parent[item] != item:
            item = parent[item]
        return item

    rows = await world.db.pool.fetch(
        "SELECT home_profile_id, owner_profile_id FROM merge_journal WHERE undone_at IS NULL"
    )
    for home, owner in rows:
        assert find(home) != find(owner), "one merge too many"
        parent[find(home)] = find(owner)
    trees: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for profile_id in memberships:
        trees[find(profile_id)].add(profile_id)
    assert memberships == {profile_id: min(tree) for tree in trees.values() for profile_id in tree}
    shared = await world.db.pool.fetch(
        "SELECT hash, profile_id FROM identifier WHERE quarantined_at IS NOT NULL"
    )
    own = [row["profile_id"] for row in shared if row["profile_id"]]
    assert len(own) == len(set(own))
    assert shared, "the test shows nothing"


async def test_workers_merges_and_undos_at_once(world: ProfileWorld) -> None:
    world.rules = RULES
    chance = random.Random(3)
    sent: list[TouchpointReceivedV1] = []
    batches: list[list[TouchpointReceivedV1]] = []
    retries = 0

    async def work(partition: int) -> None:
        nonlocal retries
        while batches:
            retries += await world.resolve(batches.pop(), partition)

    # Whether two of them meet is up to chance: it goes on until some have.
    while not retries:
        more = touchpoints(world, chance, 500, first=len(sent))
        sent += more
        batches += [more[start : start + 25] for start in range(0, len(more), 25)]
        await asyncio.gather(*(work(partition) for partition in range(3)), meddle(world, chance, 40))
    await check(world, sent)


async def test_workers_alone_never_pass_a_limit(world: ProfileWorld) -> None:
    world.rules = RULES
    sent = touchpoints(world, random.Random(5), 500)
    batches = [sent[start : start + 25] for start in range(0, len(sent), 25)]
    await asyncio.gather(*(world.resolve(batch, number % 3) for number, batch in enumerate(batches)))
    await check(world, sent)
    held = Counter(
        (row["customer_id"], row["type"])
        for row in await world.db.pool.fetch(
            "SELECT customer_id, type FROM identifier JOIN fragment USING (profile_id) WHERE quarantined_at IS NULL"
        )
    )
    assert all(count <= LIMITS[kind] for (_, kind), count in held.items())
    assert max(Counter((await world.memberships()).values()).values()) <= RULES.fragments_per_customer
