"""Neither a merge nor its undo restarts a journey or sends anything, however often the two happen."""

from __future__ import annotations

import random

import pytest
from tests.integration.regrouping import Story

from .conftest import Event, Notification, merge, split, touchpoint


async def test_merging_undoing_and_merging_again_leaves_one_welcome(notification: Notification) -> None:
    await notification.apply(touchpoint(1))
    await notification.apply(merge(1, 2, (2, 2)))
    await notification.apply(touchpoint(2, 1, 2, customer=1, version=2))
    await notification.apply(split(2, 1, (2, 3)))
    await notification.apply(touchpoint(2, customer=2, version=3), touchpoint(1))
    await notification.apply(merge(1, 2, (2, 4)))
    await notification.apply(touchpoint(2, 1, 2, customer=1, version=4), touchpoint(1, 1, 2))
    assert await notification.states() == {1: "planned"}
    assert (await notification.decisions())[1] == {"enrolled": 1, "already_enrolled": 5}


async def test_two_who_both_were_welcomed_are_not_welcomed_as_one(notification: Notification) -> None:
    await notification.apply(touchpoint(1), touchpoint(2))
    for version in (2, 4):
        await notification.apply(merge(1, 2, (2, version)))
        await notification.apply(touchpoint(2, 1, 2, customer=1, version=version))
        await notification.apply(
            split(2, 1, (2, version + 1)), touchpoint(2, customer=2, version=version + 1)
        )
    assert await notification.states() == {1: "planned", 2: "planned"}


@pytest.mark.parametrize("seed", range(4))
async def test_any_story_told_in_any_order_welcomes_nobody_twice(
    notification: Notification, seed: int
) -> None:
    """Memberships converge, and there is at most one message for each who bought, none for a merge or an undo."""
    chance = random.Random(seed)
    story = Story.of(6, chance)
    events: list[Event] = []
    for _ in range(20):
        story.go_on()
        person = chance.choice(sorted(story.memberships))
        customer, version = story.memberships[person]
        beside = [one.int for one, (other, _) in story.memberships.items() if other == customer]
        events.append(touchpoint(person.int, *beside, customer=customer.int, version=version))
    bought = {event.profile_id.int for event in events}  # type: ignore[union-attr]
    events += story.events
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 5)
        await notification.apply(*events[:size])
        del events[:size]
    rows = await notification.rows("SELECT profile_id, customer_id, version FROM membership")
    known = {row["profile_id"]: (row["customer_id"], row["version"]) for row in rows}
    assert known == {person: story.memberships[person] for person in known}
    states = await notification.states()
    assert set(states) <= bought
    assert len(await notification.rows("SELECT send_id FROM message")) == len(states)
