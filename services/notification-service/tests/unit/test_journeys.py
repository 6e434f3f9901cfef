"""Who belongs together, and what is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from notification_service.domain.journeys import Journey, PurchaseSeen, Step, group_by_customer

NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)


def seen(number: int, minutes: int, *people: int) -> PurchaseSeen:
    ids = frozenset(UUID(int=person) for person in people)
    return PurchaseSeen(UUID(int=1000 + number), UUID(int=people[0]), NOW + timedelta(minutes=minutes), ids)


def test_purchases_with_a_common_fragment_are_one_customers_and_the_earliest_leads() -> None:
    groups = group_by_customer([seen(1, 5, 1, 2), seen(2, 3, 3), seen(3, 1, 2, 4), seen(4, 9, 4, 5)])
    assert [[g.first.touchpoint_id.int, *(o.touchpoint_id.int for o in g.others)] for g in groups] == [
        [1003, 1001, 1004],
        [1002],
    ]
    assert groups[0].people == {UUID(int=n) for n in (1, 2, 4, 5)}


people = st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True)


@given(
    batch=st.lists(st.tuples(st.integers(0, 50), people), max_size=15),
    random=st.randoms(use_true_random=False),
)
def test_grouping_does_not_depend_on_order_and_parts_strangers(
    batch: list[tuple[int, list[int]]], random: Random
) -> None:
    purchases = [seen(number, minutes, *who) for number, (minutes, who) in enumerate(batch)]
    groups = group_by_customer(purchases)
    assert {(g.first, g.people) for g in groups} == {
        (g.first, g.people) for g in group_by_customer(random.sample(purchases, len(purchases)))
    }
    assert sum(len(g.people) for g in groups) == len({person for p in purchases for person in p.people})
    assert sum(1 + len(g.others) for g in groups) == len(purchases)


def test_the_age_limit_is_inclusive() -> None:
    journey = Journey("welcome", "1", True, timedelta(hours=24), (Step("email", "welcome"),))
    assert not journey.is_too_old(NOW - timedelta(hours=24), NOW)
    assert journey.is_too_old(NOW - timedelta(hours=24, seconds=1), NOW)
    assert not journey.is_too_old(NOW + timedelta(hours=1), NOW)
