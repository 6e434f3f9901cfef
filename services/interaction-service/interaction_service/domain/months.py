"""Months as numbers, and how a page walks back through those in which something happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, UTC, datetime

FIRST_WINDOW = 12
"""A month more in a query costs some 10 us, a query more some 500."""


def month_of(time: datetime) -> int:
    """Return the UTC month of an aware time, counted from year 0."""
    utc = time.astimezone(UTC)
    return utc.year * 12 + utc.month - 1


def start_of(month: int) -> datetime:
    """Return the first moment of a month; behind the last one Python knows, the last moment it knows."""
    if month // 12 > MAXYEAR:
        return datetime.max.replace(tzinfo=UTC)
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def windows(months: Iterable[int], newest: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield half-open windows [first, behind last) over `months`, newest first, none newer than `newest`.

    Each window covers twice as many of the given months as the one before: a busy customer's page touches few
    months, a sparse customer's page needs few queries.
    """
    remaining = sorted({month for month in months if newest is None or month <= newest}, reverse=True)
    size = FIRST_WINDOW
    while remaining:
        taken, remaining = remaining[:size], remaining[size:]
        yield taken[-1], taken[0] + 1
        size *= 2
