"""The unified view of a customer, combined from the figures of the fragments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from profile_service.domain.activity import NO_PURCHASE
from profile_service.domain.classification_view import LifecycleView, SegmentView, TagView
from profile_service.domain.consents import Reason as ConsentReason
from profile_service.domain.precedence import Because
from profile_service.domain.record import RecordView

SourceKind = Literal["staff", "channel"]
STAFF = "staff"
"""The channel of what staff enter."""


@dataclass(frozen=True, slots=True)
class ActivitySum:
    """Activity of all fragments together, of one channel and currency."""

    channel: str
    currency: str
    touchpoints: int
    amount_minor: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """Purchases in one currency; the amount is in its minor units."""

    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Purchases:
    """All purchases; `amount_minor` is of the main `currency`, the one of most purchases."""

    count: int
    amount_minor: int
    currency: str | None
    first_at: datetime | None
    last_at: datetime | None
    by_currency: list[CurrencyTotal]


@dataclass(frozen=True, slots=True)
class IdentifierView:
    """An identifier, masked where its type calls for it."""

    type: str
    value: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class TraitView:
    """The value of a trait that is believed: who told it last and when, and why that source and no other."""

    value: Any
    occurred_at: datetime
    channel: str
    source: SourceKind
    because: Because


@dataclass(frozen=True, slots=True)
class ConsentView:
    """Whether a purpose is allowed on a channel, why, and since when; no time where nothing was decided."""

    allowed: bool
    reason: ConsentReason
    effective_at: datetime | None


@dataclass(frozen=True)
class CaseView:
    """An open case, and the promise that is due next; `breached` names clocks that ran out.

    `number` is what people call it by; None of a case that was last told of before its number was.
    """

    case_id: UUID | str
    kind: str
    category: str | None
    priority: str
    state: str
    owner: str | None
    team: str
    opened_at: datetime | str
    next_due_at: datetime | str | None
    next_clock: str | None
    breached: list[str]
    number: str | None = None


@dataclass(frozen=True, slots=True)
class CasesView:
    """How many cases are open, those due first, and how often cases changed."""

    open: int
    items: list[CaseView]
    changes: int


@dataclass(frozen=True)
class TaskView:
    """A task that is to be done by when and by whom; what it says is not in it."""

    task_id: UUID | str
    case_id: UUID | str | None
    source: str
    owner: str | None
    team: str
    due_at: datetime | str
    remind_at: datetime | str | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class TasksView:
    """How many tasks are open, those due first, and how often tasks changed."""

    open: int
    items: list[TaskView]
    changes: int


@dataclass(frozen=True, slots=True)
class SatisfactionView:
    """What the customer said last of each dimension and of recommending us, what is asked now, and how often all that
    changed.
    """

    csat: dict[str, dict[str, Any]]
    nps: dict[str, Any] | None
    invitations: list[dict[str, Any]]
    changes: int


@dataclass(frozen=True, slots=True)
class UnifiedView:
    """Everything known of a customer in one document; `version` grows with every change.

    `cases` and `tasks` are absent where none was ever told, `satisfaction` where the customer was never asked.
    """

    customer_id: UUID
    customer_number: str
    redirected_from: UUID | None
    created_at: datetime
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    touchpoints: int
    purchases: Purchases
    channels: dict[str, int]
    identifiers: list[IdentifierView]
    traits: dict[str, TraitView]
    scores: dict[str, dict[str, Any]]
    tags: list[TagView]
    segments: list[SegmentView]
    lifecycle: LifecycleView | None
    consents: dict[str, dict[str, ConsentView]]
    record: RecordView
    fragments: list[UUID]
    version: int
    cases: CasesView | None = None
    tasks: TasksView | None = None
    satisfaction: SatisfactionView | None = None


def total_purchases(sums: Iterable[ActivitySum]) -> Purchases:
    """Combine what was bought; without a purchase there are no times and no currency."""
    bought = [row for row in sums if row.currency != NO_PURCHASE]
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for row in bought:
        counts[row.currency] += row.touchpoints
        amounts[row.currency] += row.amount_minor
    ranked = sorted(counts, key=lambda currency: (-counts[currency], currency))
    totals = [CurrencyTotal(currency, counts[currency], amounts[currency]) for currency in ranked]
    return Purchases(
        count=counts.total(),
        amount_minor=totals[0].amount_minor if totals else 0,
        currency=totals[0].currency if totals else None,
        first_at=min((row.first_at for row in bought), default=None),
        last_at=max((row.last_at for row in bought), default=None),
        by_currency=totals,
    )


def count_channels(sums: Iterable[ActivitySum]) -> dict[str, int]:
    """Return touchpoints by channel, the busiest first."""
    counts: Counter[str] = Counter()
    for row in sums:
        counts[row.channel] += row.touchpoints
    return dict(counts.most_common())


def view_version(touchpoints: int, membership_versions: Iterable[int], score_revisions: Iterable[int]) -> int:
    """Return a number that no change of the view leaves as it was and none, merges included, makes smaller."""
    return touchpoints + sum(membership_versions) + sum(score_revisions)


def current_score(
    scores: Mapping[UUID, tuple[datetime, dict[str, Any]]], survivor: UUID
) -> dict[str, Any] | None:
    """Choose the survivor's score; until it has one, the newest of those it absorbed."""
    if survivor in scores:
        return scores[survivor][1]
    newest = max(scores, key=lambda customer_id: (scores[customer_id][0], customer_id.int), default=None)
    return None if newest is None else scores[newest][1]


def seen_between(sums: Sequence[ActivitySum]) -> tuple[datetime | None, datetime | None]:
    """Return when the first and the last touchpoint happened; what staff entered is no sign of the customer."""
    sums = [row for row in sums if row.channel != STAFF]
    return min((row.first_at for row in sums), default=None), max((row.last_at for row in sums), default=None)
