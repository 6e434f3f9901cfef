"""Scores follow merges and their undo exactly, whatever the order in which they and the touchpoints are heard of."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from tests.integration.regrouping import Story

from .conftest import NOW, Event, Scoring, merge, split, touchpoint

DAY = timedelta(days=1)


async def features(scoring: Scoring) -> dict[int, tuple[object, ...]]:
    """All features by fragment."""
    rows = await scoring.rows("SELECT * FROM feature ORDER BY profile_id")
    return {row["profile_id"].int: tuple(row.values())[3:] for row in rows}


async def test_an_undo_gives_both_sides_the_scores_they_had(scoring: Scoring) -> None:
    await scoring.apply(
        touchpoint(1, amount=5_000, at=NOW - 3 * DAY),
        touchpoint(2, amount=70, at=NOW - 90 * DAY),
        touchpoint(2, amount=30, at=NOW - 60 * DAY),
    )
    scores, parts = await scoring.scores(), await features(scoring)
    await scoring.apply(merge(1, 2, (2, 2)))
    assert set(await scoring.scores()) == {1}
    await scoring.events()
    await scoring.apply(split(2, 1, (2, 3)))
    assert await scoring.scores() == scores
    assert await features(scoring) == parts
    announced = {event.customer_id.int: event for event in await scoring.events()}
    assert {number: (e.purchases, e.amount_minor) for number, e in announced.items()} == {
        1: (1, 5_000),
        2: (2, 100),
    }
    await scoring.check_counters()


async def test_what_comes_after_the_undo_counts_on_its_own_side(scoring: Scoring) -> None:
    await scoring.apply(touchpoint(1, amount=10), touchpoint(2, amount=20), merge(1, 2, (2, 2)))
    await scoring.apply(touchpoint(2, customer=1, version=2, amount=1), split(2, 1, (2, 3)))
    await scoring.apply(touchpoint(2, customer=2, version=3, amount=100), touchpoint(1, amount=1_000))
    assert {number: score[5] for number, score in (await scoring.scores()).items()} == {1: 1_010, 2: 121}


async def test_a_side_without_purchases_is_announced_too(scoring: Scoring) -> None:
    """Its view still shows the score from before the merge, or the joint one."""
    await scoring.apply(touchpoint(1, amount=10), touchpoint(2), merge(1, 2, (2, 2)))
    before = max(event.revision for event in await scoring.events())
    await scoring.apply(split(2, 1, (2, 3)))
    (event,) = (event for event in await scoring.events() if event.customer_id.int == 2)
    assert (event.tier, event.purchases) == ("ordinary", 0)
    assert event.revision > before


@pytest.mark.parametrize("seed", range(8))
async def test_any_story_told_in_any_order_ends_with_the_same_scores(scoring: Scoring, seed: int) -> None:
    chance = random.Random(seed)
    story = Story.of(6, chance)
    events: list[Event] = []
    spent: Counter[UUID] = Counter()
    for _ in range(25):
        story.go_on()
        for person in chance.sample(sorted(story.memberships), 2):
            customer, version = story.memberships[person]
            amount = chance.randrange(1, 500)
            spent[person] += amount
            at = NOW - chance.randrange(300) * DAY
            events.append(
                touchpoint(person.int, customer=customer.int, version=version, amount=amount, at=at)
            )
    events += story.events
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 5)
        await scoring.apply(*events[:size])
        del events[:size]
    expected: Counter[int] = Counter()
    for person, (customer, _) in story.memberships.items():
        if spent[person] or any(person == moved.profile_id for e in story.events for moved in e.moved):
            expected[customer.int] += spent[person]
    assert {number: score[5] for number, score in (await scoring.scores()).items()} == expected
    await scoring.check_counters()
