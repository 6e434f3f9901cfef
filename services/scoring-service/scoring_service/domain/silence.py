"""Silence: a customer who used to come and has not been heard of for longer than usual."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import NamedTuple

LEAST_GAPS = 3
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SilenceRules:
    """A customer is silent after more than `times` the customer's own interval, and after more than `days` in any case.

    The interval is the mean of the gaps between the days on which the customer was heard of, at least LEAST_GAPS of
    them. Without `days` only those who have an interval fall silent.
    """

    times: Fraction
    days: int | None


@dataclass(frozen=True, slots=True)
class Silence:
    """The silence that begins with the day `since` unless the customer is heard of before; `last` is the last visit.

    `usual_days` is the interval that makes it a silence, None where the limit of days does.
    """

    since: date
    last: date
    usual_days: float | None

    @property
    def begins_at(self) -> datetime:
        """The first moment of it."""
        return datetime.combine(self.since, time(), UTC)


class Visits(NamedTuple):
    """What is to be known of days on which a customer was heard of: the first and the last, and how many they are."""

    first: date
    last: date
    days: int


def visits_on(days: Collection[date]) -> Visits | None:
    """Return what these days, all different, say; None of no days."""
    return Visits(min(days), max(days), len(days)) if days else None


def silence_after(visits: Visits | None, rules: SilenceRules) -> Silence | None:
    """Return the silence that follows these visits, whether it has begun or not; None where none will.

    The mean gap is their span by the number of gaps, whatever the order in which they became known.
    """
    if visits is None:
        return None
    last, gaps = visits.last, visits.days - 1
    found: list[Silence] = []
    if gaps >= LEAST_GAPS:
        span = (last - visits.first).days
        longest = rules.times.numerator * span // (rules.times.denominator * gaps)
        found.append(Silence(last + (longest + 1) * _DAY, last, round(span / gaps, 1)))
    if rules.days is not None:
        found.append(Silence(last + (rules.days + 1) * _DAY, last, None))
    return min(found, key=lambda each: each.since, default=None)
