"""Customers are classified as they change and as time passes: exactly once, by what a rule reads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from guanxi_contracts.customer import CustomerChangedV1
from guanxi_kit.packs.classification import Lifecycle, Stage, StageRule

from .classifying import LABELS, Desk, pack, segment, tag
from .conftest import ProfileWorld
from .test_scores import score, store

DAYS_180 = {">=": [{"var": "days_since_last_seen"}, 180]}
BOUGHT = {">=": [{"var": "purchases.count"}, 1]}
TAGS = [
    tag("coffee_lover", {"in": ["coffee", {"var": "traits.preferences"}]}),
    tag("high_value", {"==": [{"var": "scores.rfm.tier"}, "high_value"]}, source="score"),
    tag("complaint_risk", {"<=": [{"var": "traits.satisfaction"}, 2]}, ttl="30d"),
    tag("key_contact"),
]
SEGMENTS = [
    segment("silent", DAYS_180),
    segment("coffee_buyers", {"and": [{"in": ["coffee_lover", {"var": "tags"}]}, BOUGHT]}),
    segment("mature", {"==": [{"var": "lifecycle.stage"}, "mature"]}),
]
STAGES = [Stage(name=name, labels=LABELS) for name in ("potential", "mature", "decline")]
LIFECYCLE = Lifecycle(
    stages=tuple(STAGES),
    rules=(
        StageRule(stage="decline", reason="silent", when=DAYS_180),
        StageRule(stage="mature", reason="bought", when=BOUGHT),
        StageRule(stage="potential", reason="new", when=True),
    ),
)


@pytest.fixture
async def desk(world: ProfileWorld) -> Desk:
    desk = Desk(world, pack(TAGS, SEGMENTS, LIFECYCLE))
    await desk.clock.install()
    await desk.run_jobs()
    return desk


async def customer_of(world: ProfileWorld, message: str) -> UUID:
    """The customer of a touchpoint when it was resolved."""
    touchpoint_id = world.touchpoint(message, "user_id:x").touchpoint_id
    events = (await world.events()).resolved
    return next(e.customer_id for e in events if e.touchpoint.touchpoint_id == touchpoint_id)


async def meet(desk: Desk, message: str, *identifiers: str, **rest: Any) -> UUID:
    """Resolve one touchpoint and classify what changed."""
    await desk.world.resolve([desk.world.touchpoint(message, *identifiers, **rest)])
    await desk.follow()
    return await customer_of(desk.world, message)


async def test_a_change_is_classified_and_told_once(desk: Desk) -> None:
    someone = await meet(desk, "m1", "user_id:u1", traits={"preferences": ["tea", "coffee"]})
    assert await desk.heard() == ["+coffee_lover", "None>potential"]
    await meet(desk, "m2", "user_id:u1", amount=100)
    assert await desk.heard() == [
        "+coffee_lover", "None>potential", "into coffee_buyers", "into mature", "potential>mature",
    ]  # fmt: skip
    assert (await desk.tags(someone), await desk.stage(someone)) == ({"coffee_lover"}, "mature")
    assert await desk.counts() == {"coffee_buyers": 1, "mature": 1}
    mine = [e for e in await desk.told() if isinstance(e, CustomerChangedV1) and e.names]
    assert [(e.changed, e.names) for e in mine] == [
        (["tags", "lifecycle"], ["tags:coffee_lover", "lifecycle:potential"]),
        (["segments", "lifecycle"], ["segments:coffee_buyers", "segments:mature", "lifecycle:mature"]),
    ]
    await meet(desk, "m3", "user_id:u1", traits={"preferences": ["tea"]}, at=timedelta(1))
    assert (await desk.heard())[5:] == ["-coffee_lover", "out of coffee_buyers"]
    assert await desk.counts() == {"mature": 1}


async def test_redelivery_changes_nothing_and_nothing_loops(desk: Desk) -> None:
    await meet(desk, "m1", "user_id:u1", traits={"preferences": ["coffee"]}, amount=1)
    before = await desk.heard()
    desk._seen = 0
    assert await desk.follow() > 0
    assert await desk.heard() == before
    assert await desk.counts() == {"coffee_buyers": 1, "mature": 1}


async def test_score_tags_follow_the_score(desk: Desk) -> None:
    someone = await meet(desk, "m1", "user_id:u1")
    await store(desk.world, score(someone, 1, tier="high_value"))
    await desk.follow()
    assert await desk.tags(someone) == {"high_value"}
    await store(desk.world, score(someone, 2, tier="dormant"))
    await desk.follow()
    assert await desk.tags(someone) == set()


async def test_time_alone_moves_stage_and_segment_exactly_once(desk: Desk) -> None:
    world = desk.world
    someone = await meet(desk, "m1", "user_id:u1", amount=5)
    world.clock.advance(timedelta(days=170))
    await meet(desk, "m2", "user_id:u1", at=timedelta(days=170))
    world.clock.advance(timedelta(days=179))
    await desk.clock.classify_due()
    assert await desk.stage(someone) == "mature", "the visit on day 170 counts"
    world.clock.advance(timedelta(days=1))
    assert await desk.clock.classify_due() == 1
    assert await desk.clock.classify_due() == 0
    assert (await desk.stage(someone), await desk.segments(someone)) == ("decline", {"silent"})
    assert (await desk.heard())[-3:] == ["into silent", "out of mature", "mature>decline"]
    await desk.follow()
    await meet(desk, "m3", "user_id:u1", at=timedelta(days=351))
    assert (await desk.stage(someone), await desk.segments(someone)) == ("mature", {"mature"})


async def test_a_change_that_comes_before_the_clock_does_not_hide_what_was_due(desk: Desk) -> None:
    someone = await meet(desk, "m1", "user_id:u1", amount=5)
    desk.world.clock.advance(timedelta(days=180))
    await store(desk.world, score(someone, 1, tier="high_value"))
    await desk.follow()
    await desk.clock.classify_due()
    assert (await desk.stage(someone), await desk.segments(someone)) == ("decline", {"silent"})


async def test_a_tag_lingers_for_its_ttl_after_its_rule(desk: Desk) -> None:
    someone = await meet(desk, "m1", "user_id:u1", traits={"satisfaction": 1})
    await meet(desk, "m2", "user_id:u1", traits={"satisfaction": 5}, at=timedelta(hours=1))
    assert await desk.tags(someone) == {"complaint_risk"}
    desk.world.clock.advance(timedelta(days=29))
    await desk.clock.classify_due()
    assert await desk.tags(someone) == {"complaint_risk"}
    await meet(desk, "m3", "user_id:u1", traits={"satisfaction": 2}, at=timedelta(days=29))
    desk.world.clock.advance(timedelta(days=5))
    await desk.clock.classify_due()
    assert await desk.tags(someone) == {"complaint_risk"}, "the rule holds again"
    await meet(desk, "m4", "user_id:u1", traits={"satisfaction": 3}, at=timedelta(days=34))
    desk.world.clock.advance(timedelta(days=30))
    await desk.clock.classify_due()
    assert await desk.tags(someone) == set()
    assert [text for text in await desk.heard() if "risk" in text][-1] == "-complaint_risk"


async def test_a_merge_ends_what_the_absorbed_had_and_the_survivor_is_classified(desk: Desk) -> None:
    first = await meet(desk, "m1", "user_id:u1", traits={"preferences": ["coffee"]})
    second = await meet(desk, "m2", "phone:+12025550101", amount=10, at=timedelta(seconds=1))
    assert await desk.counts() == {"mature": 1}
    await meet(desk, "m3", "user_id:u1", "phone:+12025550101", at=timedelta(seconds=2))
    assert await desk.segments(first) == {"coffee_buyers", "mature"}
    assert (await desk.tags(second), await desk.segments(second), await desk.stage(second)) == (
        set(),
        set(),
        None,
    )
    assert await desk.counts() == {"coffee_buyers": 1, "mature": 1}
    assert "out of mature" in await desk.heard()


async def test_a_source_that_wins_by_repeating_itself_counts(desk: Desk) -> None:
    coffee, tea = {"preferences": ["coffee"]}, {"preferences": ["tea"]}
    someone = await meet(desk, "m1", "user_id:u1", traits=coffee, channel="web")
    await meet(desk, "m2", "user_id:u1", traits=tea, channel="store", at=timedelta(1))
    assert await desk.tags(someone) == set()
    await meet(desk, "m3", "user_id:u1", traits={**coffee, "satisfaction": 5}, channel="web", at=timedelta(2))
    assert await desk.tags(someone) == {"coffee_lover"}


async def test_only_rules_that_could_change_are_evaluated(desk: Desk) -> None:
    someone = await meet(desk, "m1", "user_id:u1", traits={"preferences": ["coffee"]})
    asked: list[int] = []
    engine = desk.rules.engine
    evaluate = engine.evaluate
    engine.evaluate = lambda rules, document: asked.append(len(rules)) or evaluate(rules, document)  # type: ignore[method-assign,func-returns-value]
    await store(desk.world, score(someone, 1, tier="ordinary"))
    await desk.follow()
    assert asked == [1], "of seven rules one reads scores"
