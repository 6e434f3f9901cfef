"""What scoring remembers of a fragment: sums, extremes and time buckets that add up exactly after any merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

BUCKET = timedelta(days=30)
KEPT_BUCKETS = 24
KEPT_VISITS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bucket_of(moment: datetime) -> int:
    """Number of the 30-day bucket that holds `moment`, counted from 1970-01-01 UTC."""
    return (moment - _EPOCH) // BUCKET


def bucket_start(bucket: int) -> datetime:
    """First moment of a bucket; it ends where the next begins."""
    return _EPOCH + bucket * BUCKET


@dataclass(slots=True)
class Features:
    """Aggregates of one fragment, or of a customer as the combination of its fragments.

    `amount_minor` and `amounts` (30-day bucket to sum) are minor units of the pack's currency. Purchases in another
    currency count in `purchases` and its times, their amounts nowhere; `foreign_purchases` says how many.

    Cases count while they are open; `last_complaint_at` is when the last complaint was opened, `last_answer_at` and
    `last_low_answer_at` when a survey was answered last, and when last so that something was found wanting.

    `amounts` holds the KEPT_BUCKETS latest buckets that have any purchase, `visits` the KEPT_VISITS latest days (UTC)
    on which the customer was heard of. Both stay exact however touchpoints are ordered and split: a bucket or day
    among the latest of the whole is among the latest of every part that has it.
    """

    touchpoints: int = 0
    purchases: int = 0
    foreign_purchases: int = 0
    amount_minor: int = 0
    first_purchase_at: datetime | None = None
    last_purchase_at: datetime | None = None
    last_touch_at: datetime | None = None
    amounts: dict[int, int] = field(default_factory=dict)
    open_complaints: int = 0
    overdue_cases: int = 0
    reopened_cases: int = 0
    last_complaint_at: datetime | None = None
    last_answer_at: datetime | None = None
    last_low_answer_at: datetime | None = None
    visits: set[date] = field(default_factory=set)

    def add_touchpoint(self, occurred_at: datetime, *, is_visit: bool) -> None:
        """Count one touchpoint; `is_visit` where the customer was there, and staff did not merely enter something."""
        self.touchpoints += 1
        if is_visit:
            self.visits.add(occurred_at.astimezone(UTC).date())
            self._keep_latest()
        self.last_touch_at = _later(self.last_touch_at, occurred_at)

    def add_purchase(self, occurred_at: datetime, amount_minor: int | None) -> None:
        """Count one purchase; `amount_minor` is None where its currency is not the pack's."""
        self.purchases += 1
        self.first_purchase_at = _earlier(self.first_purchase_at, occurred_at)
        self.last_purchase_at = _later(self.last_purchase_at, occurred_at)
        if amount_minor is None:
            self.foreign_purchases += 1
            return
        self.amount_minor += amount_minor
        bucket = bucket_of(occurred_at)
        self.amounts[bucket] = self.amounts.get(bucket, 0) + amount_minor
        self._keep_latest()

    def combine(self, other: Features) -> None:
        """Add another fragment's aggregates to these."""
        self.touchpoints += other.touchpoints
        self.purchases += other.purchases
        self.foreign_purchases += other.foreign_purchases
        self.amount_minor += other.amount_minor
        self.first_purchase_at = _earlier(self.first_purchase_at, other.first_purchase_at)
        self.last_purchase_at = _later(self.last_purchase_at, other.last_purchase_at)
        self.last_touch_at = _later(self.last_touch_at, other.last_touch_at)
        self.open_complaints += other.open_complaints
        self.overdue_cases += other.overdue_cases
        self.reopened_cases += other.reopened_cases
        self.last_complaint_at = _later(self.last_complaint_at, other.last_complaint_at)
        self.last_answer_at = _later(self.last_answer_at, other.last_answer_at)
        self.last_low_answer_at = _later(self.last_low_answer_at, other.last_low_answer_at)
        self.visits |= other.visits
        for bucket, amount in other.amounts.items():
            self.amounts[bucket] = self.amounts.get(bucket, 0) + amount
        self._keep_latest()

    def _keep_latest(self) -> None:
        while len(self.amounts) > KEPT_BUCKETS:
            del self.amounts[min(self.amounts)]
        if len(self.visits) > KEPT_VISITS:
            self.visits = set(sorted(self.visits)[-KEPT_VISITS:])


def combined(fragments: Iterable[Features]) -> Features:
    """Features of the customer who consists of these fragments."""
    whole = Features()
    for fragment in fragments:
        whole.combine(fragment)
    return whole


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
