"""How many of a population a random sample stands for."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z95 = 1.959964
"""Of a two-sided interval that holds the truth 95 times in 100."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of customers, and the interval that holds the true one 95 times in 100; both ends for a count."""

    count: int
    low: int
    high: int


def estimate(matched: int, sampled: int, population: int) -> Estimate:
    """Return how many of `population` match when `matched` of a random sample did (Wilson's score interval)."""
    if sampled >= population:
        return Estimate(matched, matched, matched)
    if sampled == 0:
        return Estimate(0, 0, population)
    share, z2 = matched / sampled, Z95 * Z95
    middle = (share + z2 / (2 * sampled)) / (1 + z2 / sampled)
    spread = (
        Z95 / (1 + z2 / sampled) * math.sqrt(share * (1 - share) / sampled + z2 / (4 * sampled * sampled))
    )
    low = max(matched, math.floor((middle - spread) * population))
    return Estimate(
        round(share * population), low, min(population, math.ceil((middle + spread) * population))
    )
