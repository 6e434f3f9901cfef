"""A customer is enrolled in a journey once, whatever merges, repeats and runs beside."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from guanxi_kit.consumer import Subscription
from guanxi_kit.testing import eventually, waits_for_a_lock
from notification_service.consumers import touchpoint_resolved
from notification_service.domain.journeys import Journey, Step

from .conftest import NOW, Event, Notification, merge, touchpoint

HOUR = timedelta(hours=1)


async def test_the_first_purchase_plans_and_later_ones_say_why_not(notification: Notification) -> None:
    await notification.apply(touchpoint(1, purchase=False))
    assert await notification.states() == {}
    await notification.apply(touchpoint(1), touchpoint(2), touchpoint(2))
    await notification.apply(touchpoint(1), touchpoint(1))
    assert await notification.states() == {1: "planned", 2: "planned"}
    assert await notification.decisions() == {
        1: {"enrolled": 1, "already_enrolled": 2},
        2: {"enrolled": 1, "already_enrolled": 1},
    }


async def test_old_purchases_are_silent_but_were_the_first(notification: Notification) -> None:
    await notification.apply(touchpoint(1, at=NOW - 25 * HOUR), touchpoint(2, at=NOW - 23 * HOUR))
    await notification.apply(touchpoint(1))
    assert await notification.states() == {1: "skipped", 2: "planned"}
    assert await notification.decisions() == {1: {"too_old": 1, "already_enrolled": 1}, 2: {"enrolled": 1}}


async def test_the_earliest_purchase_of_a_batch_is_the_first(notification: Notification) -> None:
    await notification.apply(touchpoint(1), touchpoint(1, at=NOW - 400 * HOUR))
    assert await notification.states() == {1: "skipped"}


async def test_a_merged_customer_is_not_enrolled_again(notification: Notification) -> None:
    await notification.apply(touchpoint(1))
    await notification.apply(touchpoint(2, 1, 2))
    assert await notification.states() == {1: "planned"}
    (row,) = await notification.rows(
        "SELECT * FROM enrolment WHERE profile_id = $1", touchpoint(2).profile_id
    )
    assert row["origin_profile_id"].int == 1
    await notification.apply(touchpoint(3, 2, 3, customer=2))
    assert await notification.states() == {1: "planned"}
    assert (await notification.decisions())[1]["already_enrolled"] == 2


async def test_what_is_known_of_merges_counts_even_if_the_purchase_does_not_tell(
    notification: Notification,
) -> None:
    await notification.apply(touchpoint(1))
    await notification.apply(merge(1, 2, (2, 2)))
    await notification.apply(touchpoint(2))
    assert await notification.states() == {1: "planned"}


async def test_fragments_of_one_batch_are_joined(notification: Notification) -> None:
    await notification.apply(touchpoint(1), touchpoint(3, 2, 3), touchpoint(2, 1, 2, 3))
    assert len(await notification.states()) == 1


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_merge_and_purchases_enrols_a_customer_once(
    notification: Notification, seed: int
) -> None:
    """Ten customers of three fragments each; every purchase after the merge names all members."""
    chance = random.Random(seed)
    events: list[Event] = []
    for customer in range(10, 110, 10):
        members = (customer, customer + 1, customer + 2)
        events += [touchpoint(chance.choice(members), *members) for _ in range(3)]
        events.append(merge(customer, customer + 1, (customer + 1, 2), (customer + 2, 3)))
    chance.shuffle(events)
    batches = [events[start : start + 4] for start in range(0, len(events), 4)]
    await asyncio.gather(*(notification.apply(*batch) for batch in batches))
    states = await notification.states()
    assert sorted(number // 10 for number in states) == list(range(1, 11))


async def test_a_concurrent_enrolment_is_waited_for(notification: Notification) -> None:
    """The second worker comes while the first has enrolled a common fragment but not committed."""
    async with notification.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO enrolment VALUES ('welcome', $1, $1, 'v', $2, now())",
            touchpoint(1).profile_id,
            touchpoint(1).touchpoint.touchpoint_id,
        )
        second = asyncio.create_task(notification.apply(touchpoint(2, 1, 2)))
        await eventually(lambda: waits_for_a_lock(notification.database))
        assert not second.done()
    await second
    assert await notification.states() == {}


async def test_the_highest_membership_version_wins_in_any_order(notification: Notification) -> None:
    await notification.apply(merge(1, 2, (2, 3)))
    await notification.apply(touchpoint(2, customer=2, version=2), merge(2, 5, (5, 2)))
    rows = await notification.rows("SELECT profile_id, customer_id FROM membership")
    assert {row["profile_id"].int: row["customer_id"].int for row in rows} == {2: 1, 5: 2}


async def test_a_journey_of_every_purchase_answers_each(notification: Notification) -> None:
    thanks = Journey("thanks", "1", False, 24 * HOUR, (Step("email", "welcome"), Step("email", "welcome")))
    subscription: Subscription = touchpoint_resolved.subscription([thanks])
    every = Notification(
        notification.database,
        notification.clock,
        notification.pack,
        notification.keyring,
        notification.contacts,
        {(type(touchpoint(1)),): subscription},
    )
    await every.apply(touchpoint(1), touchpoint(1))
    assert len(await notification.rows("SELECT send_id FROM message")) == 4
