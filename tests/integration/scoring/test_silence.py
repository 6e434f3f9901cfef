"""A customer who stops coming is at risk by time alone, until the next visit; a visit writes no score meanwhile."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from guanxi_contracts.score import ScoreChangedV1
from guanxi_contracts.touchpoint import TouchpointResolvedV1

from .conftest import NOW, Scoring, merge, person, split, touchpoint

DAY = timedelta(days=1)


def visit(profile: int, days: int, **given: Any) -> TouchpointResolvedV1:
    """A touchpoint so many days after the beginning."""
    return touchpoint(profile, at=NOW + days * DAY, **given)


def by_staff(event: TouchpointResolvedV1, name: str) -> TouchpointResolvedV1:
    told = msgspec.structs.replace(event.touchpoint, channel="staff", name=name)
    return msgspec.structs.replace(event, touchpoint=told)


async def written(scoring: Scoring) -> list[Any]:
    """The scores as they are stored; a row that was written again differs."""
    return [tuple(row) for row in await scoring.rows("SELECT xmin, * FROM customer_score ORDER BY 2")]


async def reviews(scoring: Scoring) -> list[datetime | None]:
    rows = await scoring.rows("SELECT next_review_at FROM customer_score ORDER BY customer_id")
    return [row[0] for row in rows]


async def until(scoring: Scoring, days: int) -> list[ScoreChangedV1]:
    """Let time pass up to so many days after the beginning, with a review a day; return what is announced."""
    while scoring.clock.now() < NOW + days * DAY:
        scoring.clock.advance(DAY)
        await scoring.review.review_due()
    return await scoring.events()


async def test_silence_begins_by_itself_and_ends_with_a_visit(scoring: Scoring) -> None:
    await scoring.apply(visit(1, 0))
    for days in (10, 20, 30):
        await until(scoring, days)
        await scoring.apply(visit(1, days))
    assert await scoring.rows("SELECT is_silent FROM customer_score WHERE is_silent OR risk > 0") == []
    before = await written(scoring)
    await scoring.apply(visit(1, 38), by_staff(visit(1, 45), "Customer Edited"))
    assert await written(scoring) == before, "what puts the silence off writes no score"
    # Heard of on days 0, 10, 20, 30 and 38, every 9.5 days, so that 19 days are still no silence.
    assert await until(scoring, 57) == []
    (event,) = await until(scoring, 58)
    assert event.risk is not None
    assert (event.risk.score, event.risk.reasons[0].code) == (15, "silence")
    assert event.risk.reasons[0].figures["usual_days"] == 9.5
    assert event.risk.reasons[0].words is not None
    await scoring.apply(by_staff(visit(1, 58), "Contact Recorded"))
    (event,) = await scoring.events()
    assert event.risk is not None
    assert (event.risk.score, event.risk.reasons) == (0, [])


async def test_who_begins_to_come_more_often_is_missed_sooner(scoring: Scoring) -> None:
    await scoring.apply(*(visit(1, days) for days in (0, 30, 60, 90)))
    scoring.clock.advance(90 * DAY)
    await scoring.apply(visit(1, 90))
    assert (await reviews(scoring))[0] == datetime(2024, 9, 29, tzinfo=NOW.tzinfo)
    for days in range(91, 106):
        scoring.clock.advance(DAY)
        await scoring.apply(visit(1, days))
    assert (await reviews(scoring))[0] == datetime(2024, 8, 17, tzinfo=NOW.tzinfo)


async def test_a_visit_counts_that_a_review_at_the_same_moment_cannot_see(scoring: Scoring) -> None:
    await scoring.apply(visit(1, 0))
    scoring.clock.advance(181 * DAY - timedelta(hours=8, minutes=1))
    async with scoring.applying(visit(1, 180)):
        scoring.clock.advance(timedelta(minutes=2))
        with pytest.raises(asyncpg.LockNotAvailableError):
            await scoring.rows("SELECT FROM customer_score FOR UPDATE NOWAIT")
    await scoring.review.review_due()
    assert await scoring.rows("SELECT FROM customer_score WHERE is_silent") == []


async def test_any_order_merge_and_undo_give_each_the_interval_of_the_own_visits(scoring: Scoring) -> None:
    told = {1: (0, 40, 80, 120), 2: (20, 60, 100, 140), 3: tuple(range(0, 144, 6))}
    scoring.clock.advance(150 * DAY)
    for seed in range(4):
        chance = random.Random(seed)
        events = [visit(number, days) for number, each in told.items() for days in each]
        chance.shuffle(events)
        while events:
            size = chance.randint(1, 3)
            await scoring.apply(*events[:size])
            del events[:size]
        # Every 40 days, last seen on days 120 and 140; together every 20 days, last seen on day 140.
        looks = [_days(at) for at in await reviews(scoring)]
        assert all(look <= begins for look, begins in zip(looks, [201, 221, 151], strict=True)), (seed, looks)
        (kept,) = await scoring.rows("SELECT visits FROM feature WHERE customer_id = $1", person(3))
        assert [(day - NOW.date()).days for day in kept["visits"]] == list(range(138, 47, -6)), seed
        await scoring.apply(merge(1, 2, (2, 2)))
        assert [_days(at) for at in await reviews(scoring)][:-1] == [181]
        await scoring.apply(split(2, 1, (2, 3)))
        assert [_days(at) for at in await reviews(scoring)][:-1] == [201, 221]
        async with scoring.database.connection() as connection:
            for table in ("feature", "customer_score", "tier_count"):
                await connection.execute(f"DELETE FROM {table}")


def _days(at: datetime | None) -> int:
    assert at is not None
    return (at.date() - NOW.date()).days
