"""Cuts that follow the population and reviews that follow the calendar, visiting only whom they concern."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from datetime import timedelta

import asyncpg
import pytest

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.testing import eventually, waits_for_a_lock
from scoring_service.adapters.review_store import PostgresReviewStore
from scoring_service.application.ports import StoredCuts
from scoring_service.application.review import CLAIM
from scoring_service.domain.features import Features
from scoring_service.domain.rfm import Cuts, classify

from .conftest import NOW, Scoring, touchpoint

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


async def recut(scoring: Scoring) -> bool:
    scoring.clock.advance(MINUTE)
    return await scoring.review.recut_if_due()


async def check_classes(scoring: Scoring, purchases: Iterable[TouchpointResolvedV1]) -> None:
    """Everybody stands where the newest cuts put what they bought."""
    spent: dict[int, Features] = {}
    for event in purchases:
        purchase = event.touchpoint.purchase
        assert purchase is not None
        features = spent.setdefault(event.profile_id.int, Features())
        features.add_purchase(event.touchpoint.occurred_at, purchase.amount_minor)
    async with scoring.database.connection() as connection:
        stored = await PostgresReviewStore(connection).latest_cuts()
    assert stored is not None
    cuts = Cuts(stored.version, stored.amounts)
    wanted = {n: tuple(classify(bought, scoring.review.rules, cuts, NOW)) for n, bought in spent.items()}
    assert {number: score[:4] for number, score in (await scoring.scores()).items()} == wanted
    await scoring.check_counters()


async def die(*_: object) -> None:
    raise asyncpg.ConnectionDoesNotExistError("killed")


async def test_the_first_cuts_rank_everybody(scoring: Scoring) -> None:
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 51)), touchpoint(60))
    await scoring.events()
    assert await recut(scoring)
    scores = await scoring.scores()
    assert [n for n, score in scores.items() if score[0] == "high_value"] == list(range(41, 51))
    assert [scores[n][3] for n in (1, 10, 11, 21, 31, 41, 60)] == [1, 1, 2, 3, 4, 5, 0]
    announced = {event.customer_id.int for event in await scoring.events()}
    assert announced == set(range(1, 21)) | set(range(31, 51))
    await scoring.check_counters()


async def test_too_few_customers_make_no_cuts(scoring: Scoring) -> None:
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 5)))
    assert not await recut(scoring)
    await scoring.apply(touchpoint(5, amount=500))
    assert await recut(scoring)


async def test_ties_at_a_cut_count_as_above_it(scoring: Scoring) -> None:
    await scoring.apply(*(touchpoint(n, amount=100 if n <= 30 else 200) for n in range(1, 51)))
    await recut(scoring)
    scores = await scoring.scores()
    assert {scores[n][3] for n in range(1, 31)} == {3}
    assert {scores[n][3] for n in range(31, 51)} == {5}


async def test_moved_cuts_visit_only_those_between(scoring: Scoring) -> None:
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 51)))
    await recut(scoring)
    await scoring.events()
    await scoring.apply(touchpoint(100, amount=100_000), touchpoint(101, amount=100_000))
    await scoring.events()
    assert await recut(scoring)
    scores = await scoring.scores()
    announced = {event.customer_id.int for event in await scoring.events()}
    assert announced
    assert len(announced) < 12
    assert [n for n, score in scores.items() if score[0] == "high_value"] == [*range(42, 51), 100, 101]
    await scoring.check_counters()


async def test_cuts_are_computed_only_when_due_and_something_changed(scoring: Scoring) -> None:
    await scoring.apply(*(touchpoint(n, amount=n) for n in range(1, 11)))
    assert await recut(scoring)
    assert not await scoring.review.recut_if_due()
    await recut(scoring)  # the sweep after the first cuts was activity as well
    assert not await recut(scoring)
    versions = await scoring.rows("SELECT version FROM rfm_cut WHERE swept_at IS NULL")
    assert versions == []


async def test_a_sweep_that_died_is_finished_by_the_next_turn(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 51)))
    with monkeypatch.context() as patched:
        patched.setattr(PostgresReviewStore, "customers_in", die)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await recut(scoring)
    assert "high_value" not in {score[0] for score in (await scoring.scores()).values()}
    await recut(scoring)
    tiers = [score[0] for score in (await scoring.scores()).values()]
    assert tiers.count("high_value") == 10


async def test_of_two_recuts_at_once_one_publishes(scoring: Scoring, monkeypatch: pytest.MonkeyPatch) -> None:
    purchases = [touchpoint(n, amount=n * 100) for n in range(1, 51)]
    await scoring.apply(*purchases)
    plain = PostgresReviewStore.publish_cuts
    slow_is_there, slow_may_go = asyncio.Event(), asyncio.Event()

    async def wait_then_publish(self: PostgresReviewStore, *arguments: object) -> object:
        slow_is_there.set()
        await slow_may_go.wait()
        return await plain(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(PostgresReviewStore, "publish_cuts", wait_then_publish)
        slow = asyncio.create_task(recut(scoring))
        await slow_is_there.wait()
    scoring.clock.advance(CLAIM)
    assert await recut(scoring)
    slow_may_go.set()
    assert not await slow
    assert [row["version"] for row in await scoring.rows("SELECT version FROM rfm_cut")] == [1]
    await check_classes(scoring, purchases)


async def test_cuts_whose_sweep_is_unfinished_are_not_replaced(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow recut gets to publishing after another has published, and before that one dies in its sweep."""
    purchases = [touchpoint(n, amount=n * 100) for n in range(1, 51)]
    await scoring.apply(*purchases)
    await recut(scoring)
    plain = PostgresReviewStore.latest_cuts
    slow_is_there, slow_may_go = asyncio.Event(), asyncio.Event()
    reads = 0

    async def wait_before_publishing(self: PostgresReviewStore) -> StoredCuts | None:
        nonlocal reads
        reads += 1
        if reads == 3:
            slow_is_there.set()
            await slow_may_go.wait()
        return await plain(self)

    more = [touchpoint(n, amount=50_000) for n in range(100, 120)]
    await scoring.apply(*more)
    with monkeypatch.context() as patched:
        patched.setattr(PostgresReviewStore, "latest_cuts", wait_before_publishing)
        slow = asyncio.create_task(recut(scoring))
        await slow_is_there.wait()
        scoring.clock.advance(CLAIM)
        patched.setattr(PostgresReviewStore, "customers_in", die)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await recut(scoring)
    last = touchpoint(120, amount=50_000)
    await scoring.apply(last)
    slow_may_go.set()
    assert not await slow
    assert await recut(scoring)
    await check_classes(scoring, [*purchases, *more, last])


async def test_new_cuts_wait_for_whoever_scores_by_the_old_ones(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the sweep would not see the open transaction's customer, whom the old cuts had classed."""
    monkeypatch.setattr(scoring.review, "_batch", 1000)
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 51)))
    await recut(scoring)
    await scoring.apply(*(touchpoint(n, amount=50_000) for n in range(100, 151)))
    async with scoring.applying(touchpoint(200, amount=4_500)):
        cutting = asyncio.create_task(recut(scoring))
        await eventually(lambda: waits_for_a_lock(scoring.database))
        assert not cutting.done()
    assert await cutting
    assert (await scoring.scores())[200][3] == 3


async def test_time_alone_moves_tiers(scoring: Scoring) -> None:
    await scoring.apply(
        touchpoint(1, amount=100, at=NOW - 10 * DAY), touchpoint(2, amount=100, at=NOW - 170 * DAY)
    )
    await scoring.events()
    assert await scoring.review.review_due() == 0
    scoring.clock.advance(11 * DAY)
    assert await scoring.review.review_due() >= 1
    scores = await scoring.scores()
    assert scores[2][0] == "dormant"
    changes = [
        (e.customer_id.int, e.previous_tier, e.tier) for e in await scoring.events() if e.tier == "dormant"
    ]
    assert changes == [(2, "ordinary", "dormant")]
    scoring.clock.advance(400 * DAY)
    await scoring.review.review_due()
    assert {score[:2] for score in (await scoring.scores()).values()} == {("dormant", 1)}
    assert (await scoring.rows("SELECT count(*) AS n FROM customer_score WHERE next_review_at IS NOT NULL"))[
        0
    ]["n"] == 0
    await scoring.check_counters()


async def test_recuts_beside_busy_workers_leave_everybody_in_the_right_class(scoring: Scoring) -> None:
    chance = random.Random(3)
    purchases: list[TouchpointResolvedV1] = []
    done = asyncio.Event()

    async def work() -> None:
        for _ in range(25):
            batch = [touchpoint(chance.randint(1, 80), amount=chance.randint(1, 5_000)) for _ in range(12)]
            purchases.extend(batch)
            await scoring.apply(*batch)

    async def cut_all_the_time() -> None:
        while not done.is_set():
            await recut(scoring)

    cutting = asyncio.create_task(cut_all_the_time())
    await asyncio.gather(*(work() for _ in range(4)))
    done.set()
    await cutting
    await check_classes(scoring, purchases)
