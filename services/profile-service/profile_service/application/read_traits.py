"""Queries: which values are believed, now or at a moment in the past, and how one trait came about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from guanxi_kit.masking import MASKED, Shown
from profile_service.application.read_ports import CustomerReads, StoredTrait, TraitReads
from profile_service.domain.precedence import Because, Choice, Precedence, choose
from profile_service.domain.traits import Told
from profile_service.domain.view import STAFF, SourceKind, TraitView

NEWEST = Told(datetime.max.replace(tzinfo=UTC) - timedelta(days=1), UUID(int=2**128 - 1))


class Believed(NamedTuple):
    """A value in clear with what it was chosen from."""

    value: Any
    choice: Choice[StoredTrait]


@dataclass(frozen=True, slots=True)
class TraitDetail:
    """A value with its lineage: where it comes from, since when it holds, and what other sources say."""

    value: Any
    occurred_at: datetime
    channel: str
    source: SourceKind
    because: Because
    since_at: datetime
    touchpoint_id: UUID
    profile_id: UUID
    others: list[OtherValue]


@dataclass(frozen=True, slots=True)
class OtherValue:
    """What a source says that is not believed; the value is null where it says that there is none."""

    value: Any
    occurred_at: datetime
    channel: str
    source: SourceKind
    touchpoint_id: UUID


@dataclass(frozen=True, slots=True)
class Traits:
    """The traits of a customer, as of a moment where one is named."""

    customer_id: UUID
    as_of: datetime | None
    traits: dict[str, TraitDetail]


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One change: from `occurred_at` on this source told this value; null says that there is none any more."""

    value: Any
    occurred_at: datetime
    recorded_at: datetime
    channel: str
    source: SourceKind
    touchpoint_id: UUID
    profile_id: UUID


class HistoryPage(NamedTuple):
    """Changes newest first, where the next page begins, and the fragments whose they are."""

    items: Sequence[HistoryItem]
    next: Told | None
    fragments: list[UUID]


def source_kind(channel: str) -> SourceKind:
    """Return who told a value: staff, or the customer on a channel."""
    return "staff" if channel == STAFF else "channel"


async def believed(
    profile_ids: Collection[UUID],
    reads: TraitReads,
    precedence: Precedence,
    as_of: datetime | None = None,
    names: Sequence[str] | None = None,
) -> dict[UUID, dict[str, Believed]]:
    """Return by customer of these fragments and by trait the value that is believed; deleted ones are absent.

    Of these `names` alone, where some are given and no moment is.
    """
    found: defaultdict[UUID, dict[str, Believed]] = defaultdict(dict)
    told = await reads.traits(profile_ids, as_of, names)
    for customer_id, choices in choose(told, precedence).items():
        for name, choice in choices.items():
            value = _open(choice.winner, reads)
            if value is not None:
                found[customer_id][name] = Believed(value, choice)
    return dict(found)


def show_trait(name: str, trait: Believed, show: Shown = MASKED) -> TraitView:
    """Return a value as the unified view shows it."""
    winner = trait.choice.winner
    return TraitView(
        show.trait(name, trait.value),
        winner.occurred_at,
        winner.channel,
        source_kind(winner.channel),
        trait.choice.because,
    )


async def read_traits(
    given: UUID, reads: CustomerReads, precedence: Precedence, as_of: datetime | None, show: Shown = MASKED
) -> tuple[Traits, list[UUID]] | None:
    """Return the traits of the customer that an id belongs to now, and its fragments; None if there is none."""
    customer = await reads.customer(given)
    if customer is None:
        return None
    fragments = list(customer.fragments)
    found = (await believed(fragments, reads, precedence, as_of)).get(customer.customer_id, {})
    show = show.of(customer.kind)
    details = {name: _detail(name, trait, reads, show) for name, trait in found.items()}
    return Traits(customer.customer_id, as_of, details), fragments


async def read_history(
    given: UUID, name: str, reads: CustomerReads, before: Told | None, limit: int, *, show: Shown = MASKED
) -> HistoryPage | None:
    """Return a page of what was told of one trait; None if there is no such customer."""
    customer = await reads.customer(given)
    if customer is None:
        return None
    show = show.of(customer.kind)
    rows = await reads.trait_history(list(customer.fragments), name, before or NEWEST, limit + 1)
    items = [
        HistoryItem(
            show.trait(name, reads.open_trait(row.profile_id, name, row.sealed)),
            row.occurred_at,
            row.recorded_at,
            row.channel,
            source_kind(row.channel),
            row.touchpoint_id,
            row.profile_id,
        )
        for row in rows[:limit]
    ]
    more = len(rows) > limit
    following = Told(items[-1].occurred_at, items[-1].touchpoint_id) if more else None
    return HistoryPage(items, following, list(customer.fragments))


def _open(trait: StoredTrait, reads: TraitReads) -> Any:
    return reads.open_trait(trait.profile_id, trait.name, trait.sealed)


def _detail(name: str, trait: Believed, reads: TraitReads, show: Shown) -> TraitDetail:
    winner = trait.choice.winner
    return TraitDetail(
        value=show.trait(name, trait.value),
        occurred_at=winner.occurred_at,
        channel=winner.channel,
        source=source_kind(winner.channel),
        because=trait.choice.because,
        since_at=winner.since_at,
        touchpoint_id=winner.touchpoint_id,
        profile_id=winner.profile_id,
        others=[
            OtherValue(
                show.trait(name, _open(other, reads)),
                other.occurred_at,
                other.channel,
                source_kind(other.channel),
                other.touchpoint_id,
            )
            for other in trait.choice.others
        ],
    )
