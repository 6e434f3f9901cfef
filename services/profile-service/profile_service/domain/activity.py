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
    """Touchpoints of one key; quantity and amount (minor units) stay 0 where nothing was bought.

    `year` is the last business year with purchases, beside what was bought in it.
    """

    touchpoints: int
    quantity: int
    amount_minor: int
    first_at: datetime
    last_at: datetime
    year: int | None = None
    year_purchases: int | None = None
    year_minor: int | None = None

    def date(self, year: int, amount_minor: int) -> None:
        """Count a purchase for its business year."""
        if self.year is None or self.year < year:
            self.year, self.year_purchases, self.year_minor = year, 0, 0
        if self.year == year:
            self.year_purchases = (self.year_purchases or 0) + 1
            self.year_minor = (self.year_minor or 0) + amount_minor


def tally(placed: Iterable[tuple[UUID, Happening]]) -> dict[ActivityKey, Activity]:
    """Sum up touchpoints by the fragment they were placed at."""
    figures: dict[ActivityKey, Activity] = {}
    for profile_id, happening in placed:
        purchase, at = happening.purchase, happening.occurred_at
        key = ActivityKey(
            profile_id, happening.channel, NO_PURCHASE if purchase is None else purchase.currency
        )
        sums = figures.get(key)
        if sums is None:
            sums = figures[key] = Activity(0, 0, 0, at, at)
        sums.touchpoints += 1
        sums.first_at = min(sums.first_at, at)
        sums.last_at = max(sums.last_at, at)
        if purchase is not None:
            sums.quantity += purchase.quantity
            sums.amount_minor += purchase.amount_minor
            sums.date(business_day(at).year, purchase.amount_minor)
    return figures
