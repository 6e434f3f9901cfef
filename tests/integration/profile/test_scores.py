"""Scores in the view: the newest counts, and a score follows its customer through a merge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from guanxi_contracts.score import ScoreChangedV1, ScoreReason
from profile_service.adapters.customer_reads import PostgresCustomerReads
from profile_service.application.read_customers import ViewRules, read_view
from profile_service.consumers.score_changed import handle_scores
from profile_service.domain.precedence import Precedence

from .conftest import START, ProfileWorld


def score(customer_id: UUID, revision: int, **changes: Any) -> ScoreChangedV1:
    """A score of a customer."""
    fields: dict[str, Any] = {
        "tier": "potential",
        "previous_tier": None,
        "recency": 5,
        "frequency": 2,
        "monetary": 3,
        "purchases": 2,
        "amount_minor": 900,
        "last_purchase_at": START,
        "computed_at": START + timedelta(minutes=revision),
        "reasons": [ScoreReason("recent_purchase", {"days": 3})],
    }
    return ScoreChangedV1(customer_id=customer_id, revision=revision, **(fields | changes))


RULES = ViewRules({}, Precedence())


async def store(world: ProfileWorld, *scores: ScoreChangedV1) -> None:
    await world.work(handle_scores, [world.received(each, topic="score.changed") for each in scores])


async def rfm(world: ProfileWorld, customer_id: UUID) -> dict[str, Any]:
    async with world.db.connection() as connection:
        view = await read_view(customer_id, PostgresCustomerReads(connection, world.keyring), RULES, START)
    assert view is not None
    return view.scores.get("rfm", {})


async def test_the_highest_revision_counts_whatever_comes_last(world: ProfileWorld) -> None:
    await world.resolve([world.touchpoint("m1", "user_id:u1")])
    customer_id = (await world.events()).resolved[0].customer_id
    assert await rfm(world, customer_id) == {}
    await store(world, score(customer_id, 2, tier="high_value"), score(customer_id, 1))
    await store(world, score(customer_id, 1, tier="dormant"))
    shown = await rfm(world, customer_id)
    assert (shown["tier"], shown["revision"], shown["recency"]) == ("high_value", 2, 5)
    assert shown["reasons"] == [{"code": "recent_purchase", "figures": {"days": 3}}]
    assert shown["computed_at"] == "2024-05-01T08:02:00Z"
    changed = [event for event in (await world.events()).changed if event.changed == ["scores"]]
    assert [event.customer_id for event in changed] == [customer_id], "only a newer score is a change"


async def test_a_score_of_an_absorbed_customer_is_a_change_of_the_survivor(world: ProfileWorld) -> None:
    await world.resolve(
        [world.touchpoint("m1", "device_id:d1"), world.touchpoint("m2", "phone:p1", at=timedelta(1))]
    )
    await world.resolve([world.touchpoint("m3", "phone:p1", "device_id:d1")])
    survivor, absorbed = (event.profile_id for event in (await world.events()).resolved[:2])
    await store(world, score(absorbed, 4, tier="ordinary"))
    assert (await world.events()).changed[-1].customer_id == survivor
    assert (await rfm(world, survivor))["tier"] == (await rfm(world, absorbed))["tier"] == "ordinary"
    await store(world, score(survivor, 1, tier="high_value"))
    assert (await rfm(world, survivor))["tier"] == "high_value"


async def test_a_score_of_nobody_known_changes_no_view(world: ProfileWorld) -> None:
    await store(world, score(uuid4(), 1))
    assert not (await world.events()).changed
