"""When does time alone change what a rule says: the days and ages at which a comparison may turn."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from profile_service.domain.customer_number import BUSINESS_ZONE, business_day

AGE = "age"
CLOCKS = frozenset(
    {"days_since_created", "days_since_last_seen", "purchases.first_days", "purchases.last_days", AGE}
)
"""Facts that grow with time: whole days since a moment, and whole years of age."""
DAY = timedelta(days=1)
Thresholds = tuple[int, ...] | None
"""Values at which a rule may turn, rising; None: at every value."""
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
# No comparison beyond this (273 years) is waited for.
_FARTHEST = 100_000


def find_thresholds(rules: Iterable[Any]) -> dict[str, Thresholds]:
    """Return by clock the values at which any of these rules may turn."""
    found: dict[str, set[int] | None] = {}
    for rule in rules:
        _walk(rule, found)
    return {clock: None if turns is None else tuple(sorted(turns)) for clock, turns in found.items()}


def _walk(part: Any, found: dict[str, set[int] | None]) -> None:
    if isinstance(part, list):
        for inner in part:
            _walk(inner, found)
    elif isinstance(part, dict):
        ((operator, argument),) = part.items()
        if operator == "var":
            _note(_name(part), None, found)
        elif operator in _COMPARISONS and isinstance(argument, list) and _is_plain(argument):
            turns = {turn for literal in argument if _is_number(literal) for turn in _turns(literal)}
            for inner in argument:
                if isinstance(inner, dict):
                    _note(_name(inner), turns, found)
        else:
            _walk(argument, found)


def _is_plain(arguments: Sequence[Any]) -> bool:
    """One variable, compared with plain values only."""
    nested = [each for each in arguments if isinstance(each, dict | list)]
    return len(nested) == 1 and isinstance(nested[0], dict) and "var" in nested[0]


def _name(part: Mapping[str, Any]) -> str:
    named = part["var"]
    return str(named[0] if isinstance(named, list) else named)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _turns(literal: float) -> tuple[int, int]:
    """The first whole value at which `>= literal` holds, and the first at which `> literal` does."""
    return math.ceil(literal), math.floor(literal) + 1


def _note(name: str, turns: set[int] | None, found: dict[str, set[int] | None]) -> None:
    if name in CLOCKS:
        standing = found.setdefault(name, set())
        if turns is None or standing is None:
            found[name] = None
        else:
            standing |= {turn for turn in turns if 0 < turn <= _FARTHEST}


def whole_days(since: datetime, now: datetime) -> int:
    """Return the full days since a moment; 0 when it lies ahead."""
    return max(0, (now - since) // DAY)


def age_on(birthday: date, now: datetime) -> int:
    """Return the full years of age on the business day."""
    today = business_day(now)
    return max(0, today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day)))


def next_turn(since: datetime | date, thresholds: Thresholds, now: datetime) -> datetime | None:
    """Return the moment after `now` when a clock that began at `since` next reaches a threshold."""
    if isinstance(since, datetime):
        value = _next_value(whole_days(since, now), thresholds)
        return None if value is None else since + value * DAY
    value = _next_value(age_on(since, now), thresholds)
    return None if value is None else _birthday(since, value)


def _next_value(value: int, thresholds: Thresholds) -> int | None:
    if thresholds is None:
        return value + 1
    place = bisect_right(thresholds, value)
    return thresholds[place] if place < len(thresholds) else None


def _birthday(born: date, years: int) -> datetime | None:
    """The first moment of that age; whoever was born on 29 February turns on 1 March where there is none."""
    year = born.year + years
    if year > date.max.year:
        return None
    leap_day = (born.month, born.day) == (2, 29) and not (
        year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    )
    day = date(year, 3, 1) if leap_day else born.replace(year=year)
    return datetime.combine(day, time.min, BUSINESS_ZONE)
