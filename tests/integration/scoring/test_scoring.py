"""Features and scores on PostgreSQL: exact after merges in any order, under concurrency, with counters that add up."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from guanxi_kit.testing import eventually, waits_for_a_lock

from .conftest import NOW, Event, Scoring, merge, touchpoint

DAY = timedelta(days=1)


async def test_a_purchase_scores_at_once_and_says_why(scoring: Scoring) -> None:
    await scoring.apply(touchpoint(1, amount=5_000), touchpoint(1), touchpoint(2))
    assert await scoring.scores() == {
        1: ("potential", 5, 1, 3, 1, 5_000, NOW),
        2: ("ordinary", 0, 0, 0, 0, 0, None),
    }
    first, second = sorted(await scoring.events(), key=lambda event: event.customer_id)
    assert (first.tier, first.previous_tier, first.amount_minor) == ("potential", None, 5_000)
    assert [reason.code for reason in first.reasons] == [
        "amount_rising",
        "recency",
        "frequency",
        "monetary_not_ranked_yet",
    ]
    assert [reason.code for reason in second.reasons] == ["no_purchase"]
    await scoring.check_counters()


async def test_a_touchpoint_without_purchase_announces_nothing(scoring: Scoring) -> None:
    await scoring.apply(touchpoint(1, amount=5_000))
    await scoring.events()
    await scoring.apply(touchpoint(1), touchpoint(1, at=NOW + DAY))
    assert await scoring.events() == []
    (row,) = await scoring.rows("SELECT touchpoints, last_touch_at FROM feature")
    assert (row["touchpoints"], row["last_touch_at"]) == (3, NOW + DAY)


async def test_buckets_add_up_and_stay_bounded(scoring: Scoring) -> None:
    moments = [NOW - 15 * DAY * n for n in range(120)]
    for start in range(0, 120, 13):
        batch = moments[start : start + 13]
        random.Random(start).shuffle(batch)
        await scoring.apply(*(touchpoint(1, amount=100, at=at) for at in batch))
    (row,) = await scoring.rows("SELECT buckets, bucket_amounts, amount_minor FROM feature")
    assert row["amount_minor"] == 12_000
    assert len(row["buckets"]) == 24
    assert row["buckets"] == sorted(row["buckets"], reverse=True)
    assert sum(row["bucket_amounts"]) == pytest.approx(4_800, abs=100)


CHAIN: list[Event] = [
    touchpoint(1, amount=100),
    touchpoint(1, amount=50, at=NOW - 40 * DAY),
    touchpoint(2, amount=70, at=NOW - 3 * DAY),
    touchpoint(3, amount=900, at=NOW - 200 * DAY),
    touchpoint(3),
    merge(2, 3, (3, 2)),
    touchpoint(3, customer=2, version=2, amount=11, at=NOW - DAY),
    merge(1, 2, (2, 2), (3, 3)),
    touchpoint(3, customer=1, version=3, amount=13, at=NOW - 100 * DAY),
    touchpoint(2, customer=1, version=2),
    touchpoint(4, amount=5),
]


@pytest.mark.parametrize("seed", range(12))
async def test_merges_and_touchpoints_in_any_order_and_batching_give_the_same_scores(
    scoring: Scoring, seed: int
) -> None:
    chance = random.Random(seed)
    events = list(CHAIN)
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 4)
        await scoring.apply(*events[:size])
        del events[:size]
    assert await scoring.scores() == {
        1: ("potential", 5, 4, 3, 6, 1_144, NOW),
        4: ("potential", 5, 1, 3, 1, 5, NOW),
    }
    await scoring.check_counters()
    announced = await scoring.events()
    last = max((event for event in announced if event.customer_id.int == 1), key=lambda event: event.revision)
    assert (last.purchases, last.amount_minor) == (6, 1_144)
    absorbed = [event.revision for event in announced if event.customer_id.int in {2, 3}]
    assert last.revision > max(absorbed, default=0)


async def test_workers_on_the_same_customers_at_once_lose_nothing(scoring: Scoring) -> None:
    """Eight workers hit six customers; halfway the six become two."""
    chance = random.Random(5)
    profiles = range(1, 7)
    moves = {2: 1, 3: 1, 5: 4, 6: 4}
    batches: list[list[Event]] = []
    for _ in range(60):
        batch: list[Event] = []
        for _ in range(20):
            profile = chance.choice(profiles)
            moved = profile in moves and chance.random() < 0.5
            customer = moves[profile] if moved else profile
            batch.append(touchpoint(profile, customer=customer, version=2 if moved else 1, amount=7))
        batches.append(batch)
    for profile, into in moves.items():
        batches.insert(chance.randint(20, 40), [merge(into, profile, (profile, 2))])
    queue = iter(batches)

    async def work() -> None:
        for batch in queue:
            await scoring.apply(*batch)

    await asyncio.gather(*(work() for _ in range(8)))
    scores = await scoring.scores()
    assert set(scores) == {1, 4}
    assert sum(score[4] for score in scores.values()) == 1_200
    assert sum(score[5] for score in scores.values()) == 8_400
    await scoring.check_counters()
    events = await scoring.events()
    for customer in (1, 4):
        last = max((e for e in events if e.customer_id.int == customer), key=lambda e: e.revision)
        assert last.purchases == scores[customer][4]
    revisions = [(event.customer_id, event.revision) for event in events]
    assert len(revisions) == len(set(revisions))


async def test_fragments_of_one_customer_wait_for_each_other(scoring: Scoring) -> None:
    """The second transaction must score with what the first, still open, has added to another fragment."""
    await scoring.apply(touchpoint(1, amount=1), touchpoint(2, customer=1, amount=1))
    async with scoring.applying(touchpoint(1, amount=100)):
        second = asyncio.create_task(scoring.apply(touchpoint(2, customer=1, amount=10)))
        await eventually(lambda: waits_for_a_lock(scoring.database))
        assert not second.done()
    await second
    assert (await scoring.scores())[1][5] == 112
    assert [event.amount_minor for event in await scoring.events()] == [2, 102, 112]


async def test_a_new_customer_is_created_by_one_and_waited_for_by_the_other(scoring: Scoring) -> None:
    async with scoring.applying(touchpoint(1, amount=100)):
        second = asyncio.create_task(scoring.apply(touchpoint(2, customer=1, amount=10)))
        await eventually(lambda: waits_for_a_lock(scoring.database))
        assert not second.done()
    await second
    assert (await scoring.scores())[1][5] == 110
    await scoring.check_counters()


async def test_a_failed_batch_leaves_nothing(scoring: Scoring) -> None:
    await scoring.apply(touchpoint(1, amount=1))
    too_much = touchpoint(1, amount=2**63 - 1)
    with pytest.raises(Exception, match="out of range"):
        await scoring.apply(touchpoint(2, amount=3), too_much)
    assert set(await scoring.scores()) == {1}
    await scoring.check_counters()
