"""The document that rules read: what is known of a customer, by the names of docs/record.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from profile_service.application.classification_ports import CustomerFacts
from profile_service.domain.passing_time import AGE, age_on, whole_days
from profile_service.domain.rulebook import BIRTHDAY
from profile_service.domain.view import ActivitySum, count_channels, seen_between, total_purchases


class Known(NamedTuple):
    """What is stored of a current customer."""

    created_at: datetime
    kind: str
    sums: Sequence[ActivitySum]
    traits: Mapping[str, Any]
    score: Mapping[str, Any] | None


def make_facts(known: Known, now: datetime) -> CustomerFacts:
    """Return the facts of a customer; what is unknown is null."""
    purchases = total_purchases(known.sums)
    _, last_seen_at = seen_between(known.sums)
    born = read_birthday(known.traits.get(BIRTHDAY))
    began: dict[str, datetime | date | None] = {
        "days_since_created": known.created_at,
        "days_since_last_seen": last_seen_at,
        "purchases.first_days": purchases.first_at,
        "purchases.last_days": purchases.last_at,
        AGE: born,
    }
    document: dict[str, Any] = {
        "kind": known.kind,
        "age": None if born is None else age_on(born, now),
        "touchpoints": sum(row.touchpoints for row in known.sums),
        "channels": count_channels(known.sums),
        "days_since_created": whole_days(known.created_at, now),
        "days_since_last_seen": _days(last_seen_at, now),
        "purchases": {
            "count": purchases.count,
            "amount_minor": purchases.amount_minor,
            "currency": purchases.currency,
            "first_days": _days(purchases.first_at, now),
            "last_days": _days(purchases.last_at, now),
        },
        "traits": known.traits,
        "scores": {"rfm": known.score or {}},
    }
    return CustomerFacts(document, {clock: since for clock, since in began.items() if since is not None})


def read_birthday(value: Any) -> date | None:
    """Return the date that a birthday trait begins with (2001-12-31), or None."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _days(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else whole_days(since, now)
