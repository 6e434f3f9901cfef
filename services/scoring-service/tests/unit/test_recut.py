"""Who is concerned when cuts move."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring_service.domain.recut import EVERYBODY, Trade, has_outgrown, pauses_after, ranges_between

cuts = st.lists(st.integers(-50, 50), min_size=5, max_size=5).map(sorted)


@given(old=cuts, new=cuts)
def test_exactly_those_whose_side_of_a_cut_changed_are_visited(old: list[int], new: list[int]) -> None:
    spans = ranges_between(old, new)
    for amount in range(-60, 60):
        moved = any((amount >= a) != (amount >= b) for a, b in zip(old, new, strict=True))
        assert moved == any(span.low <= amount < span.high for span in spans)
    assert all(left.high < right.low for left, right in itertools.pairwise(spans))


def test_first_cuts_concern_everybody() -> None:
    assert ranges_between(None, [1, 2]) == [EVERYBODY]
    assert ranges_between([1], [1, 2]) == [EVERYBODY]


@pytest.mark.parametrize(
    ("work", "regular", "early"),
    [(0.02, 15, 15), (4, 200, 15), (11, 300, 33), (60, 540, 180)],
)
def test_pauses_grow_with_the_work(work: float, regular: float, early: float) -> None:
    pauses = pauses_after(timedelta(seconds=work))
    assert [pause.total_seconds() for pause in pauses] == [regular, early]


@given(milliseconds=st.integers(0, 10_000_000))
def test_recuts_leave_most_of_the_time_to_others(milliseconds: int) -> None:
    work = timedelta(milliseconds=milliseconds)
    pauses = pauses_after(work)
    assert work / (work + pauses.regular) <= 0.1
    assert work / (work + pauses.early) <= 0.25
    assert pauses.early <= pauses.regular


@pytest.mark.parametrize(
    ("buyers", "purchases", "outgrown"),
    [
        (100, 1000, False),
        (110, 1100, False),
        (90, 900, False),
        (111, 1000, True),
        (100, 1101, True),
        (89, 1000, True),
    ],
)
def test_a_tenth_more_or_less_outgrows_the_cuts(buyers: int, purchases: int, outgrown: bool) -> None:
    assert has_outgrown(Trade(100, 1000), Trade(buyers, purchases)) is outgrown


def test_any_trade_outgrows_none() -> None:
    assert has_outgrown(Trade(0, 0), Trade(1, 1))
    assert not has_outgrown(Trade(0, 0), Trade(0, 0))
