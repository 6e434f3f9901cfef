"""Mergeable figures of a fragment: counts, sums, first and last, per channel and currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.customer_number import business_day

NO_PURCHASE = ""


class PurchaseFigures(Protocol):
    """Figures of a purchase; the amount is in minor units of the currency."""

    @property
    def amount_minor(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def quantity(self) -> int: ...


class Happening(Protocol):
    """What the figures are made of."""

    @property
    def channel(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def purchase(self) -> PurchaseFigures | None: ...


class ActivityKey(NamedTuple):
    """Purchases count under their currency, all other touchpoints under `NO_PURCHASE`."""

    profile_id: UUID
    channel: str
    currency: str


@dataclass(slots=True)
class Activity:
    """Touchpoints of one key; quantity and amount (minor units) stay 0 where nothing was bought."""

    touchpoints: int
    quantity: int
    amount_minor: int
    first_at: datetime
    last_at: datetime


class YearKey(NamedTuple):
    """A fragment's purchases of one business year in one currency."""

    profile_id: UUID
    year: int
    currency: str


@dataclass(slots=True)
class YearSum:
    """How many purchases, of what amount in minor units."""

    purchases: int
    amount_minor: int


def tally_years(placed: Iterable[tuple[UUID, Happening]]) -> dict[YearKey, YearSum]:
    """Sum up purchases by the fragment they were placed at and their business year."""
    years: dict[YearKey, YearSum] = {}
    for profile_id, happening in placed:
        purchase = happening.purchase
        if purchase is not None:
            key = YearKey(profile_id, business_day(happening.occurred_at).year, purchase.currency)
            sums = years.get(key)
            if sums is None:
                years[key] = YearSum(1, purchase.amount_minor)
            else:
                sums.purchases += 1
                sums.amount_minor += purchase.amount_minor
    return years


def tally(placed: Iterable[tuple[UUID, Happening]]) -> dict[ActivityKey, Activity]:
    """Sum up touchpoints by the fragment they were placed at."""
    figures: dict[ActivityKey, Activity] = {}
    for profile_id, happening in placed:
        purchase, at = happening.purchase, happening.occurred_at
        currency, quantity, amount = (
            (NO_PURCHASE, 0, 0)
            if purchase is None
            else (purchase.currency, purchase.quantity, purchase.amount_minor)
        )
        key = ActivityKey(profile_id, happening.channel, currency)
        sums = figures.get(key)
        if sums is None:
            figures[key] = Activity(1, quantity, amount, at, at)
        else:
            sums.touchpoints += 1
            sums.quantity += quantity
            sums.amount_minor += amount
            sums.first_at = min(sums.first_at, at)
            sums.last_at = max(sums.last_at, at)
    return figures
