"""Stopping the review in the middle: it ends after the batch in hand, and the next process takes up the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from scoring_service.adapters.review_loop import ReviewLoop
from scoring_service.adapters.review_store import PostgresReviewStore

from .conftest import NOW, Scoring, touchpoint

StopAt = Callable[[str], ReviewLoop]


@pytest.fixture
def stopped_at(scoring: Scoring, monkeypatch: pytest.MonkeyPatch) -> StopAt:
    """Return a loop that is asked to stop while the store does what is named, for the first time."""

    def arrange(call: str) -> ReviewLoop:
        loop = ReviewLoop(scoring.review, poll_seconds=60)
        plain = getattr(PostgresReviewStore, call)

        async def stop_first(*arguments: Any, **named: Any) -> Any:
            await loop.stop()
            return await plain(*arguments, **named)

        monkeypatch.setattr(PostgresReviewStore, call, stop_first)
        return loop

    return arrange


async def run(loop: ReviewLoop) -> None:
    async with asyncio.timeout(20):
        await loop.run()


async def test_scores_due_wait_for_the_next_process(scoring: Scoring, stopped_at: StopAt) -> None:
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 51)))
    await scoring.rows("UPDATE customer_score SET next_review_at = $1", NOW - timedelta(days=1))
    await run(stopped_at("customers_due"))
    due = await scoring.rows("SELECT FROM customer_score WHERE next_review_at <= $1", NOW)
    assert len(due) == 50 - 7
    assert await scoring.rows("SELECT FROM rfm_cut") == []


async def test_a_sweep_is_taken_up_by_the_next_process_at_once(scoring: Scoring, stopped_at: StopAt) -> None:
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 51)))
    await run(stopped_at("customers_in"))
    tiers = [score[0] for score in (await scoring.scores()).values()]
    assert tiers.count("high_value") == 0
    assert len(await scoring.rows("SELECT FROM rfm_cut WHERE swept_at IS NULL")) == 1
    await scoring.review.recut_if_due()
    tiers = [score[0] for score in (await scoring.scores()).values()]
    assert tiers.count("high_value") == 10
    assert await scoring.rows("SELECT FROM rfm_cut WHERE swept_at IS NULL") == []


async def test_no_cuts_are_published_that_there_is_no_time_to_sweep(
    scoring: Scoring, stopped_at: StopAt
) -> None:
    await scoring.apply(*(touchpoint(n, amount=n * 100) for n in range(1, 51)))
    await run(stopped_at("claim_recut"))
    assert await scoring.rows("SELECT FROM rfm_cut") == []
