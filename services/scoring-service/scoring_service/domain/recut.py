"""Moving the monetary cuts: whom it concerns, and how often to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

MINIMUM_POPULATION = 5
SHORTEST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=5)
GROWTH = 0.1


class Trade(NamedTuple):
    """Customers with purchases, and purchases: what moves the cuts."""

    buyers: int
    purchases: int


class Pauses(NamedTuple):
    """How long to leave the cuts alone: as a rule, and when the trade has outgrown them."""

    regular: timedelta
    early: timedelta


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


def has_outgrown(before: Trade, now: Trade) -> bool:
    """True when buyers, or their purchases, have changed by more than a tenth since the cuts were computed."""
    return any(abs(new - old) > GROWTH * old for old, new in zip(before, now, strict=True))


def pauses_after(duration: timedelta) -> Pauses:
    """How long to leave the cuts alone after computing and sweeping them took `duration`.

    As a rule that costs 2 % of the time; beyond 6 s of work the longest pause costs more, but never above a tenth. An
    early recut waits three times the work: a quarter of the time at worst, and only while the trade keeps growing.
    """
    regular = max(SHORTEST_PAUSE, min(50 * duration, LONGEST_PAUSE), 9 * duration)
    return Pauses(regular, max(SHORTEST_PAUSE, 3 * duration))
