"""Who is concerned when cuts move."""

from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from scoring_service.domain.recut import EVERYBODY, pause_after, ranges_between

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


def test_the_pause_grows_with_the_work() -> None:
    assert pause_after(timedelta(milliseconds=20)) == timedelta(seconds=15)
    assert pause_after(timedelta(seconds=4)) == timedelta(seconds=200)
