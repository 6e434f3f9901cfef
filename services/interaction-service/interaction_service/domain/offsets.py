"""Wall-clock intervals of a day as moments, whatever the zone does with its clocks that day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]
"""Two moments in UTC, [from, until)."""
# No zone is farther than this from UTC.
_FARTHEST = timedelta(hours=16)
# No zone moves its clocks twice within so little time.
_STEP = timedelta(hours=4)
_MINUTE = timedelta(minutes=1)


def utc_spans(zone: ZoneInfo, day: date, intervals: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    """Return when the wall clock stands inside `intervals` (minutes of `day`): rising, touching ones joined."""
    midnight = datetime.combine(day, time.min, UTC)
    found: list[Span] = []
    for begin, end, offset in _stretches(
        zone, midnight - _FARTHEST, midnight + timedelta(days=1) + _FARTHEST
    ):
        for first, last in intervals:
            since = max(begin, midnight + first * _MINUTE - offset)
            until = min(end, midnight + last * _MINUTE - offset)
            if since < until:
                found.append((since, until))
    return tuple(_joined(sorted(found)))


def _stretches(
    zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Yield the parts of [begin, end) in which the zone keeps one offset from UTC."""
    since, offset = begin, _offset(zone, begin)
    at = begin
    while at < end:
        later = min(at + _STEP, end)
        if _offset(zone, later) != offset:
            turn = _turn(zone, at, later, offset)
            yield since, turn, offset
            since, offset = turn, _offset(zone, later)
        at = later
    yield since, end, offset


def _turn(zone: ZoneInfo, before: datetime, after: datetime, offset: timedelta) -> datetime:
    """Return the first moment, to the second, at which the offset is no longer `offset`."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    standing: Span | None = None
    for since, until in spans:
        if standing and since <= standing[1]:
            standing = (standing[0], max(standing[1], until))
            continue
        if standing:
            yield standing
        standing = (since, until)
    if standing:
        yield standing
