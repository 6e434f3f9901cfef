"""Fragments add up to the same customer however the touchpoints are ordered and split."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scoring_service.domain.features import (
    KEPT_BUCKETS,
    KEPT_VISITS,
    Features,
    bucket_of,
    bucket_start,
    combined,
)

Event = tuple[datetime, tuple[bool, int] | None, int]

START = datetime(2020, 1, 1, tzinfo=UTC)

moments = st.integers(0, 60 * 24 * 365 * 6).map(lambda minutes: START + timedelta(minutes=minutes))
purchases = st.none() | st.tuples(st.booleans(), st.integers(-5_000, 500_000))
touchpoints = st.lists(st.tuples(moments, purchases, st.integers(0, 4)), max_size=60)


def collect(events: list[Event]) -> Features:
    features = Features()
    for occurred_at, purchase, number in events:
        features.add_touchpoint(occurred_at, is_visit=number > 0)
        if purchase is not None:
            in_currency, amount = purchase
            features.add_purchase(occurred_at, amount if in_currency else None)
    return features


@given(events=touchpoints, random=st.randoms(use_true_random=False))
def test_any_split_in_any_order_gives_the_same_features(events: list[Event], random: Random) -> None:
    whole = collect(events)
    shuffled = random.sample(events, len(events))
    fragments = [collect([event for event in shuffled if event[2] == number]) for number in range(5)]
    random.shuffle(fragments)
    assert combined(fragments) == whole


@given(events=touchpoints, cut=st.integers(0, 60))
def test_combining_in_two_steps_is_combining_in_one(events: list[Event], cut: int) -> None:
    one, other, third = collect(events[:cut]), collect(events[cut : cut + 7]), collect(events[cut + 7 :])
    assert combined([combined([one, other]), third]) == combined([one, combined([third, other])])


@given(events=touchpoints)
def test_the_latest_buckets_and_days_are_kept(events: list[Event]) -> None:
    expected: dict[int, int] = {}
    for occurred_at, purchase, _ in events:
        if purchase is not None and purchase[0]:
            bucket = bucket_of(occurred_at)
            expected[bucket] = expected.get(bucket, 0) + purchase[1]
    latest = sorted(expected, reverse=True)[:KEPT_BUCKETS]
    days = {occurred_at.date() for occurred_at, _, number in events if number}
    assert collect(events).visits == set(sorted(days)[-KEPT_VISITS:])
    assert collect(events).amounts == {bucket: expected[bucket] for bucket in latest}


def test_a_purchase_in_another_currency_counts_but_its_amount_does_not() -> None:
    features = Features()
    features.add_purchase(START, None)
    features.add_purchase(START, 500)
    assert (features.purchases, features.foreign_purchases, features.amount_minor) == (2, 1, 500)


def test_a_bucket_is_half_open() -> None:
    start = bucket_start(600)
    assert bucket_of(start) == 600
    assert bucket_of(start - timedelta(microseconds=1)) == 599
