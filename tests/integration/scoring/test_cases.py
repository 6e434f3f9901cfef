"""Cases and low answers raise the risk exactly once, in whichever order they, touchpoints and merges are heard of."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

from guanxi_kit.testing import eventually, waits_for_a_lock

from .conftest import NOW, Event, Scoring, answered, case, erasure, merge, split, touchpoint

DAY = timedelta(days=1)


async def risks(scoring: Scoring) -> dict[int, int]:
    rows = await scoring.rows("SELECT customer_id, risk FROM customer_score ORDER BY customer_id")
    return {row["customer_id"].int: row["risk"] for row in rows}


async def test_a_complaint_raises_the_risk_until_it_is_settled_and_for_a_while_after(
    scoring: Scoring,
) -> None:
    await scoring.apply(touchpoint(1, amount=100))
    await scoring.events()
    await scoring.apply(case(1, 1))
    (event,) = await scoring.events()
    assert event.risk is not None
    assert (event.risk.score, event.risk.level) == (30, "elevated")
    assert [(why.code, why.figures) for why in event.risk.reasons] == [
        ("open_complaint", {"count": 1, "points": 30})
    ]
    await scoring.apply(case(1, 1, 3, breached=["solution"], state="reopened"), case(1, 1, 2))
    (event,) = await scoring.events()
    assert event.risk is not None
    assert (event.risk.score, event.risk.level) == (75, "high")
    assert [why.code for why in event.risk.reasons] == ["open_complaint", "overdue_case", "reopened_case"]
    await scoring.apply(case(1, 1, 4, state="solved", is_open=False))
    assert await risks(scoring) == {1: 10}
    scoring.clock.advance(60 * DAY)
    await scoring.review.run_due()
    assert await risks(scoring) == {1: 0}


async def test_any_order_and_any_repeat_ends_with_the_same_risk(scoring: Scoring) -> None:
    told: list[Event] = [
        case(1, 1),
        case(1, 1, 2, breached=["first_response"]),
        case(1, 1, 3, state="solved", is_open=False),
        case(1, 1, 4, state="reopened", breached=["solution"]),
        case(1, 1, 5, state="in_progress", customer=2),
        case(2, 2, kind="enquiry", breached=["first_response"]),
        case(3, 2),
        case(3, 2, 2, state="solved", is_open=False),
        touchpoint(1, customer=1, version=2),
        touchpoint(2, customer=1, version=2),
        merge(1, 2, (2, 2)),
    ]
    for seed in range(6):
        chance = random.Random(seed)
        events = [*told, *chance.choices(told, k=6)]
        chance.shuffle(events)
        while events:
            size = chance.randint(1, 4)
            await scoring.apply(*events[:size])
            del events[:size]
        assert await risks(scoring) == {1: 75}, seed
        await scoring.check_counters()
        async with scoring.database.connection() as connection:
            for table in ("feature", "customer_score", "case_standing", "tier_count"):
                await connection.execute(f"DELETE FROM {table}")


async def test_an_undo_parts_the_risk(scoring: Scoring) -> None:
    await scoring.apply(touchpoint(1), touchpoint(2), case(1, 2))
    await scoring.apply(merge(1, 2, (2, 2)))
    assert await risks(scoring) == {1: 30}
    await scoring.apply(split(2, 1, (2, 3)))
    assert await risks(scoring) == {1: 0, 2: 30}


async def test_a_case_and_the_first_touchpoint_of_its_customer_meet(scoring: Scoring) -> None:
    async with scoring.applying(touchpoint(1, amount=5)):
        meanwhile = asyncio.create_task(scoring.apply(case(1, 1)))
        await eventually(lambda: waits_for_a_lock(scoring.database))
        assert not meanwhile.done()
    await meanwhile
    assert await risks(scoring) == {1: 30}


async def test_an_erased_persons_cases_go_and_stay_away(scoring: Scoring) -> None:
    await scoring.apply(touchpoint(1), case(1, 1))
    await scoring.apply(erasure(1))
    await scoring.apply(case(1, 1, 2))
    assert await risks(scoring) == {}
    assert await scoring.rows("SELECT * FROM case_standing") == []


async def test_a_low_answer_raises_the_risk_until_a_better_one_comes(scoring: Scoring) -> None:
    low, asked = answered(1, 1, low=["quality"]), answered(9, 1, NOW + DAY, state="issued")
    await scoring.apply(touchpoint(1), touchpoint(2), low, asked, answered(2, 2, nps=6), low)
    assert await risks(scoring) == {1: 15, 2: 15}
    await scoring.apply(merge(1, 2, (2, 2)))
    assert await risks(scoring) == {1: 15}
    await scoring.apply(answered(3, 2, NOW + DAY, nps=9), low)
    assert await risks(scoring) == {1: 0}
