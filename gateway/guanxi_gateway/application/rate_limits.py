"""Rate limits in one process: a token bucket per caller, kept as a single number (GCRA).

A few microseconds and one float per caller; the wait until the next request is exact, which is what Retry-After
needs. The limits protect this process and those behind it from one caller's flood; they are no quota, so replicas
do not share them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` requests on average, up to `burst` at once."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError("a rate needs per_second > 0 and burst >= 1")


class RateLimiter:
    """Counts requests per key. Holds at most `max_keys` keys; the one idle longest is forgotten first."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float], max_keys: int = 100_000) -> None:
        self._interval = 1.0 / rate.per_second
        self._tolerance = self._interval * rate.burst
        self._monotonic = monotonic
        self._max_keys = max_keys
        self._full_at: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: Hashable) -> float:
        """Count one request. Return 0.0 when it may pass, otherwise the seconds until the next one may."""
        now = self._monotonic()
        full_at = max(self._full_at.pop(key, now), now) + self._interval
        wait = full_at - now - self._tolerance
        if wait > 1e-9:
            self._full_at[key] = full_at - self._interval
            return wait
        self._full_at[key] = full_at
        if len(self._full_at) > self._max_keys:
            del self._full_at[next(iter(self._full_at))]
        return 0.0
