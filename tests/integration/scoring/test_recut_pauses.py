"""When cuts are computed again: sooner when the trade has outgrown them, later the more work they were."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import asyncpg
import pytest

from guanxi_devstack.pytest_plugin import DatabaseDsns
from scoring_service.adapters.review_store import PostgresReviewStore
from scoring_service.domain.recut import LONGEST_PAUSE

from .conftest import Scoring, merge, touchpoint

SECOND = timedelta(seconds=1)
EARLY = 33 * SECOND


@pytest.fixture
async def slowly_cut(scoring: Scoring, monkeypatch: pytest.MonkeyPatch) -> Scoring:
    """A hundred buyers, ranked by a recut that has taken 11 seconds."""
    plain = PostgresReviewStore.mark_swept

    async def slow(*arguments: Any) -> None:
        scoring.clock.advance(11 * SECOND)
        await plain(*arguments)

    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 101)))
    with monkeypatch.context() as patched:
        patched.setattr(PostgresReviewStore, "mark_swept", slow)
        assert await scoring.review.recut_if_due()
    return scoring


async def buy(scoring: Scoring, *buyers: int) -> None:
    await scoring.apply(*(touchpoint(n, amount=50_000) for n in buyers))


async def high_value(scoring: Scoring) -> int:
    return [score[0] for score in (await scoring.scores()).values()].count("high_value")


async def test_a_trade_that_stands_waits_for_the_regular_turn(slowly_cut: Scoring) -> None:
    await buy(slowly_cut, *range(201, 211))
    slowly_cut.clock.advance(LONGEST_PAUSE - SECOND)
    assert not await slowly_cut.review.recut_if_due()
    slowly_cut.clock.advance(SECOND)
    assert await slowly_cut.review.recut_if_due()


async def test_new_buyers_are_ranked_early(slowly_cut: Scoring) -> None:
    await slowly_cut.apply(*(touchpoint(n, amount=n * 100) for n in range(201, 301)))
    slowly_cut.clock.advance(EARLY - SECOND)
    assert not await slowly_cut.review.recut_if_due()
    assert await high_value(slowly_cut) == 120
    slowly_cut.clock.advance(SECOND)
    assert await slowly_cut.review.recut_if_due()
    assert await high_value(slowly_cut) == 40
    await slowly_cut.check_counters()


async def test_purchases_of_the_same_buyers_are_a_reason_too(slowly_cut: Scoring) -> None:
    slowly_cut.clock.advance(EARLY)
    await buy(slowly_cut, *[1] * 10)
    assert not await slowly_cut.review.recut_if_due()
    await buy(slowly_cut, 2)
    assert await slowly_cut.review.recut_if_due()


async def test_visitors_who_buy_nothing_are_none(slowly_cut: Scoring) -> None:
    slowly_cut.clock.advance(EARLY)
    await slowly_cut.apply(*(touchpoint(n) for n in range(201, 301)))
    assert not await slowly_cut.review.recut_if_due()
    await slowly_cut.check_counters()


async def test_merges_leave_fewer_buyers(slowly_cut: Scoring) -> None:
    slowly_cut.clock.advance(EARLY)
    await slowly_cut.apply(*(merge(n, n + 50, (n + 50, 2)) for n in range(1, 12)))
    await slowly_cut.check_counters()
    assert await slowly_cut.review.recut_if_due()


async def test_an_early_turn_is_taken_once(slowly_cut: Scoring) -> None:
    await buy(slowly_cut, *range(201, 301))
    slowly_cut.clock.advance(EARLY)
    async with slowly_cut.database.transaction() as connection:
        store, now = PostgresReviewStore(connection), slowly_cut.clock.now()
        assert not await store.claim_recut(now, now + SECOND, early=False)
        assert await store.claim_recut(now, now + SECOND, early=True)
        assert not await store.claim_recut(now, now + SECOND, early=True)


async def test_the_counters_begin_with_the_trade_there_is(
    slowly_cut: Scoring, database_dsns: DatabaseDsns
) -> None:
    """An installation from before the counters: its cuts are outgrown, and computed at the first opportunity."""
    await slowly_cut.apply(touchpoint(201))
    owner = await asyncpg.connect(database_dsns.owner["scoring"])
    await owner.execute(
        "ALTER TABLE tier_count DROP buyers, DROP purchases; ALTER TABLE rfm_cut DROP purchases;"
        "ALTER TABLE review_schedule DROP early_at"
    )
    migration = import_module("scoring_service.migrations.versions.0002_trade")
    await owner.execute(f"SET search_path TO scoring; {migration._COLUMNS} {migration._COUNT}")
    await owner.close()
    await slowly_cut.check_counters()
    assert await slowly_cut.review.recut_if_due()
