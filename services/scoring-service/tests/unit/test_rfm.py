"""Classes, tiers, their reasons, and the moments at which time alone changes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring_service.domain.features import Features, bucket_of, bucket_start
from scoring_service.domain.rfm import (
    Cuts,
    RfmRules,
    TierRule,
    classify,
    cut_ranks,
    explain,
    next_review,
)

NOW = bucket_start(660) + timedelta(days=10)
RULES = RfmRules(
    recency_days=(30, 60, 90, 180),
    frequency_purchases=(2, 3, 5, 10),
    monetary_quantiles=(0.2, 0.4, 0.6, 0.8),
    tiers=(
        TierRule("high_value", "top_share", 0.2),
        TierRule("dormant", "silent_days", 180),
        TierRule("potential", "rising_days", 90),
        TierRule("ordinary", "otherwise"),
    ),
    without_purchase="ordinary",
    currency="CNY",
)
CUTS = Cuts(1, (100, 200, 300, 400, 400))


def bought(*purchases: tuple[float, int]) -> Features:
    features = Features()
    for days_ago, amount in purchases:
        features.add_touchpoint(NOW - timedelta(days=days_ago), is_visit=True)
        features.add_purchase(NOW - timedelta(days=days_ago), amount)
    return features


def test_without_a_purchase_all_classes_are_zero() -> None:
    visited = Features()
    visited.add_touchpoint(NOW, is_visit=True)
    assert classify(visited, RULES, CUTS, NOW) == ("ordinary", 0, 0, 0)
    assert next_review(visited, RULES, NOW) is None
    assert [r.code for r in explain(visited, classify(visited, RULES, CUTS, NOW), RULES, CUTS, NOW)] == [
        "no_purchase"
    ]


@pytest.mark.parametrize(
    ("days", "recency"),
    [(0, 5), (30, 5), (30.99, 5), (31, 4), (60, 4), (61, 3), (90, 3), (91, 2), (180, 2), (181, 1)],
)
def test_recency_counts_whole_days(days: float, recency: int) -> None:
    assert classify(bought((days, 10)), RULES, CUTS, NOW).recency == recency


@pytest.mark.parametrize(
    ("count", "frequency"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (9, 4), (10, 5), (50, 5)]
)
def test_frequency_class(count: int, frequency: int) -> None:
    assert classify(bought(*[(1, 1)] * count), RULES, CUTS, NOW).frequency == frequency


@pytest.mark.parametrize(
    ("amount", "monetary"), [(99, 1), (100, 2), (199, 2), (200, 3), (399, 4), (400, 5), (9999, 5)]
)
def test_an_amount_at_a_cut_counts_as_above_it(amount: int, monetary: int) -> None:
    assert classify(bought((1, amount)), RULES, CUTS, NOW).monetary == monetary


def test_equal_amounts_share_the_highest_class_of_their_tie() -> None:
    tied = Cuts(2, (100, 100, 100, 700, 700))
    assert classify(bought((1, 100)), RULES, tied, NOW).monetary == 4


@pytest.mark.parametrize(
    ("features", "tier"),
    [
        (bought((1, 400)), "high_value"),
        (bought((400, 400)), "high_value"),
        (bought((180, 50)), "dormant"),
        (bought((179.9, 50)), "ordinary"),
        (bought((100, 50), (2, 60)), "potential"),
        (bought((100, 60), (2, 60)), "ordinary"),
        (bought((2, 60)), "potential"),
    ],
)
def test_the_first_tier_whose_condition_holds_wins(features: Features, tier: str) -> None:
    assert classify(features, RULES, CUTS, NOW).tier == tier


def test_without_cuts_the_monetary_class_is_neutral_and_nobody_is_on_top() -> None:
    classes = classify(bought((1, 10**9)), RULES, None, NOW)
    assert (classes.tier, classes.monetary) == ("potential", 3)
    codes = [reason.code for reason in explain(bought((1, 10**9)), classes, RULES, None, NOW)]
    assert codes == ["amount_rising", "recency", "frequency", "monetary_not_ranked_yet"]


def test_reasons_carry_their_figures() -> None:
    features = bought((100, 50), (2, 210))
    features.add_purchase(NOW - timedelta(days=5), None)
    reasons = {
        r.code: r.figures for r in explain(features, classify(features, RULES, CUTS, NOW), RULES, CUTS, NOW)
    }
    assert reasons == {
        "amount_rising": {"days": 90, "recent_minor": 210, "before_minor": 50},
        "recency": {"class": 5, "days_since_purchase": 2},
        "frequency": {"class": 3, "purchases": 3},
        "monetary": {"class": 3, "amount_minor": 260, "currency": "CNY", "cut_minor": 200},
        "other_currencies_left_out": {"purchases": 1},
    }


histories = st.lists(st.tuples(st.floats(0, 900), st.integers(1, 500)), min_size=1, max_size=8)


@given(history=histories, ahead=st.floats(0, 1000))
def test_nothing_changes_before_the_next_review(history: list[tuple[float, int]], ahead: float) -> None:
    features = bought(*history)
    review = next_review(features, RULES, NOW)
    assert review is None or review > NOW
    later = NOW + timedelta(days=ahead)
    if review is None or later < review:
        assert classify(features, RULES, CUTS, later) == classify(features, RULES, CUTS, NOW)


@given(history=histories)
def test_reviews_come_to_an_end(history: list[tuple[float, int]]) -> None:
    features, now = bought(*history), NOW
    for _ in range(20):
        review = next_review(features, RULES, now)
        if review is None:
            break
        now = review
    else:
        pytest.fail("reviews go on for ever")
    assert classify(features, RULES, CUTS, now) == classify(features, RULES, CUTS, now + timedelta(days=3650))


def test_a_purchase_dated_in_the_future_is_recent() -> None:
    features = bought((-40, 10))
    assert classify(features, RULES, CUTS, NOW).recency == 5
    assert bucket_of(NOW + timedelta(days=40)) in features.amounts


@pytest.mark.parametrize(
    ("population", "ranks"),
    [(10, [2, 4, 6, 8, 8]), (5, [1, 2, 3, 4, 4]), (1, [0, 0, 0, 0, 0]), (7, [1, 2, 4, 5, 5])],
)
def test_cut_ranks(population: int, ranks: list[int]) -> None:
    assert cut_ranks(population, RULES.quantiles) == ranks


@given(amounts=st.lists(st.integers(0, 10**9), min_size=5, max_size=200, unique=True))
def test_the_top_share_is_the_declared_one_when_no_amounts_tie(amounts: list[int]) -> None:
    ordered = sorted(amounts)
    cut = ordered[cut_ranks(len(ordered), RULES.quantiles)[-1]]
    above = sum(amount >= cut for amount in ordered)
    assert above - 1 < len(ordered) / 5 <= above
