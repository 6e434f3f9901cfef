"""Silence begins when the gap outgrows what is usual, whatever the order in which visits are heard of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from random import Random
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from scoring_service.domain.features import KEPT_VISITS, Features, combined
from scoring_service.domain.risk import RiskRules, assess, risk_review
from scoring_service.domain.silence import LEAST_GAPS, SilenceRules, silence_after, visits_on

FIRST = datetime(2024, 1, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = SilenceRules(Fraction(2), 180)
RISK = RiskRules((("silence", 15),), timedelta(days=60), 30, 50, RULES)


def seen(*days: int, rules: SilenceRules = RULES) -> tuple[int, float | None] | None:
    """After how many days from the last visit the silence begins, and what is usual."""
    silence = silence_after(visits_on({(FIRST + day * DAY).date() for day in days}), rules)
    return None if silence is None else ((silence.since - silence.last).days, silence.usual_days)


def test_the_interval_more_than_doubles() -> None:
    assert seen(0, 10, 30, 45) == (31, 15.0)
    assert seen(0, 1, 2, 3) == (3, 1.0)
    assert seen(0, 7, 14, 22, rules=SilenceRules(Fraction("1.5"), None)) == (12, 7.3)


def test_without_an_interval_only_the_limit_of_days_counts() -> None:
    assert seen() is None
    assert seen(0, 10, 20) == (181, None)
    assert seen(0, 10, 20, rules=SilenceRules(Fraction(2), None)) is None
    assert seen(0, 200, 400, 600) == (181, None), "the limit comes before twice the interval"


def test_what_is_said_stays_true_while_it_lasts() -> None:
    features = Features(visits={(FIRST + days * DAY).date() for days in (0, 10, 30, 45)})
    last = datetime(2024, 2, 15, tzinfo=UTC)
    begins = last + 31 * DAY
    assert risk_review(features, RISK, last + DAY) == begins
    assert assess(features, RISK, begins - timedelta(microseconds=1)).reasons == ()
    for now in (begins, begins + 400 * DAY):
        risk = assess(features, RISK, now)
        assert (risk.score, risk.is_silent, risk_review(features, RISK, now)) == (15, True, None)
        (reason,) = risk.reasons
        assert reason.figures == {
            "count": 1,
            "points": 15,
            "last_on": "2024-02-15",
            "usual_days": 15.0,
            "times": 2.0,
        }
        assert reason.words == (
            "来访间隔超过平时的 2 倍（平时 15 天，上次 2024-02-15）",
            "visit interval more than doubled (usually 15 days, last on 2024-02-15)",
        )
    (reason,) = assess(Features(visits={FIRST.date()}), RISK, begins + 400 * DAY).reasons
    assert reason.words is not None
    assert reason.words.en == "not heard of for more than 180 days (last on 2024-01-01)"


@given(
    heard=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 23), st.integers(0, 3)), max_size=50),
    tenths=st.integers(11, 60),
    limit=st.none() | st.integers(1, 300),
    random=st.randoms(use_true_random=False),
)
def test_it_equals_what_the_history_says_in_any_order_and_split(
    heard: list[tuple[int, int, int]], tenths: int, limit: int | None, random: Random
) -> None:
    random.shuffle(heard)
    parts = [Features() for _ in range(4)]
    for day, hour, part in heard:
        parts[part].add_touchpoint(FIRST.replace(hour=hour) + day * DAY, is_visit=True)
    random.shuffle(parts)
    found = silence_after(visits_on(combined(parts).visits), SilenceRules(Fraction(tenths, 10), limit))
    days = sorted({day for day, _, _ in heard})[-KEPT_VISITS:]
    assert (None if found is None else found.since) == _by_walking(days, tenths, limit)


def _by_walking(days: list[int], tenths: int, limit: int | None) -> date | None:
    """The first day on which the last visit is too long ago."""
    gaps = [after - before for before, after in pairwise(days)]
    bounds = [] if limit is None or not days else [Fraction(limit)]
    if len(gaps) >= LEAST_GAPS:
        bounds.append(Fraction(tenths, 10) * mean(map(Fraction, gaps)))
    if not bounds:
        return None
    elapsed = 0
    while elapsed <= min(bounds):
        elapsed += 1
    return (FIRST + (days[-1] + elapsed) * DAY).date()
