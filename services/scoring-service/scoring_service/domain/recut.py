"""Moving the monetary cuts: whom it concerns, and how often to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

MINIMUM_POPULATION = 5
SHORTEST_INTERVAL = timedelta(seconds=15)
IDLE_SHARE = 50


class AmountRange(NamedTuple):
    """Amounts from `low` up to, but not including, `high`, in minor units."""

    low: int
    high: int


EVERYBODY = AmountRange(-(2**63), 2**63 - 1)


def ranges_between(old: Sequence[int] | None, new: Sequence[int]) -> list[AmountRange]:
    """Amounts that fall on another side of some cut than before, as disjoint ranges in rising order.

    Without comparable old cuts that is everybody.
    """
    if old is None or len(old) != len(new):
        return [EVERYBODY]
    moved = sorted(
        AmountRange(min(pair), max(pair)) for pair in zip(old, new, strict=True) if pair[0] != pair[1]
    )
    disjoint: list[AmountRange] = []
    for low, high in moved:
        if disjoint and low <= disjoint[-1].high:
            disjoint[-1] = AmountRange(disjoint[-1].low, max(high, disjoint[-1].high))
        else:
            disjoint.append(AmountRange(low, high))
    return disjoint


def pause_after(duration: timedelta) -> timedelta:
    """How long to leave the cuts alone after computing them took `duration`: at most 2 % of one core goes there."""
    return max(SHORTEST_INTERVAL, IDLE_SHARE * duration)
