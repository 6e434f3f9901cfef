"""Points of the risk, their levels and the moment at which time alone takes some of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scoring_service.domain.features import Features
from scoring_service.domain.risk import Risk, RiskRules, assess, risk_review

NOW = datetime(2024, 5, 1, tzinfo=UTC)
RULES = RiskRules(
    points=(
        ("low_answer", 15),
        ("open_complaint", 30),
        ("overdue_case", 25),
        ("recent_complaint", 10),
        ("reopened_case", 20),
    ),
    recent=timedelta(days=60),
    elevated=30,
    high=50,
)


def test_nothing_went_wrong() -> None:
    assert assess(Features(), RULES, NOW) == Risk(0, "low", ())
    assert risk_review(Features(), RULES, NOW) is None


def test_points_add_up_to_a_hundred_at_most_the_weightiest_first() -> None:
    features = Features(open_complaints=3, overdue_cases=1, reopened_cases=1, last_complaint_at=NOW)
    risk = assess(features, RULES, NOW)
    assert (risk.score, risk.level) == (100, "high")
    assert [(why.code, why.figures["points"]) for why in risk.reasons] == [
        ("open_complaint", 90),
        ("overdue_case", 25),
        ("reopened_case", 20),
    ]
    assert risk_review(features, RULES, NOW) is None


def test_a_settled_complaint_counts_until_it_is_old() -> None:
    features = Features(last_complaint_at=NOW)
    end = NOW + RULES.recent
    assert risk_review(features, RULES, NOW) == end
    assert assess(features, RULES, end - timedelta(microseconds=1)).score == 10
    assert assess(features, RULES, end).score == 0
    assert risk_review(features, RULES, end) is None


def test_a_low_answer_counts_until_a_better_one_comes() -> None:
    features = Features(last_answer_at=NOW, last_low_answer_at=NOW)
    end = NOW + RULES.recent
    assert [(why.code, why.figures) for why in assess(features, RULES, NOW).reasons] == [
        ("low_answer", {"count": 1, "points": 15})
    ]
    assert risk_review(features, RULES, NOW) == end
    assert assess(features, RULES, end).score == 0
    features.combine(Features(last_answer_at=NOW + timedelta(days=1)))
    assert assess(features, RULES, NOW + timedelta(days=1)).score == 0
