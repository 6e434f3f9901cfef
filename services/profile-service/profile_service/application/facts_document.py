"""The document that rules read: what is known of a customer, by the names of docs/record.md."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from profile_service.application.classification_ports import CustomerFacts
from profile_service.domain.passing_time import AGE, age_on, whole_days
from profile_service.domain.rulebook import BIRTHDAY
from profile_service.domain.view import ActivitySum, count_channels, seen_between, total_purchases

_OF_ACTIVITY = frozenset({"touchpoints", "channels", "purchases", "days_since_last_seen"})


class Wanted(NamedTuple):
    """Which facts are asked for."""

    activity: bool
    scores: bool
    traits: tuple[str, ...]
    by_hand: bool

    @classmethod
    def by(cls, variables: Collection[str]) -> Wanted:
        """Return what rules that read these variables want; age is read from the birthday."""
        families = {name.partition(".")[0] for name in variables}
        traits = {name.split(".")[1] for name in variables if name.startswith("traits.")}
        return cls(
            activity=not families.isdisjoint(_OF_ACTIVITY),
            scores="scores" in families,
            traits=tuple(sorted(traits | ({BIRTHDAY} if AGE in families else set()))),
            by_hand="manual_tags" in families,
        )


class Known(NamedTuple):
    """What is stored of a current customer."""

    created_at: datetime
    kind: str
    sums: Sequence[ActivitySum]
    traits: Mapping[str, Any]
    score: Mapping[str, Any] | None


def make_facts(known: Known, wanted: Wanted, now: datetime) -> CustomerFacts:
    """Return the facts of a customer that are wanted; what is unknown is null."""
    document: dict[str, Any] = {
        "kind": known.kind,
        "days_since_created": whole_days(known.created_at, now),
        "traits": known.traits,
        "scores": {"rfm": known.score or {}, "risk": (known.score or {}).get("risk") or {}},
    }
    clocks: dict[str, datetime | date] = {"days_since_created": known.created_at}
    if wanted.activity:
        _add_activity(known.sums, document, clocks, now)
    if (born := read_birthday(known.traits.get(BIRTHDAY))) is not None:
        document[AGE], clocks[AGE] = age_on(born, now), born
    return CustomerFacts(document, clocks)


def _add_activity(
    sums: Sequence[ActivitySum],
    document: dict[str, Any],
    clocks: dict[str, datetime | date],
    now: datetime,
) -> None:
    purchases = total_purchases(sums)
    _, last_seen_at = seen_between(sums)
    document["touchpoints"] = sum(row.touchpoints for row in sums)
    document["channels"] = count_channels(sums)
    bought: dict[str, Any] = {
        "count": purchases.count,
        "amount_minor": purchases.amount_minor,
        "currency": purchases.currency,
    }
    document["purchases"] = bought
    if last_seen_at is not None:
        document["days_since_last_seen"] = whole_days(last_seen_at, now)
        clocks["days_since_last_seen"] = last_seen_at
    if purchases.first_at is not None and purchases.last_at is not None:
        bought["first_days"] = whole_days(purchases.first_at, now)
        bought["last_days"] = whole_days(purchases.last_at, now)
        clocks["purchases.first_days"], clocks["purchases.last_days"] = purchases.first_at, purchases.last_at


def read_birthday(value: Any) -> date | None:
    """Return the date that a birthday trait begins with (2001-12-31), or None."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
