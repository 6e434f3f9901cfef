"""What a batch of touchpoints changes in the views of customers, and in the totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from guanxi_contracts.customer import ChangedPart
from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.consumer import Cause
from profile_service.application.enlist_enterprises import Enlisted, tells_of_enterprise
from profile_service.application.ports import Tally
from profile_service.domain.decisions import Resolution
from profile_service.domain.identity import Membership


class Arrival(NamedTuple):
    """A touchpoint and the record that brought it."""

    touchpoint: TouchpointReceivedV1
    cause: Cause


@dataclass(slots=True)
class Change:
    """What changed in one customer's view, `names` as the contract writes them; `cause` is of its last touchpoint."""

    parts: set[ChangedPart]
    received_at: datetime
    cause: Cause
    names: set[str] = field(default_factory=set)


def totals(arrivals: Sequence[Arrival], resolution: Resolution, enlisted: Enlisted) -> dict[str, Tally]:
    """Return what each source partition adds to the totals."""
    touchpoints: defaultdict[str, int] = defaultdict(int)
    fragments: defaultdict[str, int] = defaultdict(int)
    merges: defaultdict[str, int] = defaultdict(int)
    for arrival in arrivals:
        touchpoints[arrival.cause.source] += 1
    for position in (*resolution.founded.values(), *enlisted.founded.values()):
        fragments[arrivals[position].cause.source] += 1
    if resolution.merges:
        sources = {arrival.touchpoint.touchpoint_id: arrival.cause.source for arrival in arrivals}
        for merge in resolution.merges:
            merges[sources[merge.touchpoint_id]] += 1
    return {source: Tally(count, fragments[source], merges[source]) for source, count in touchpoints.items()}


def changes_of(
    arrivals: Sequence[Arrival], resolution: Resolution, memberships: Mapping[UUID, Membership]
) -> dict[UUID, Change]:
    """Return by customer what changed in its view; `memberships` are those after the batch."""
    changes: dict[UUID, Change] = {}
    for (touchpoint, cause), profile_id in zip(arrivals, resolution.placements, strict=True):
        customer_id = memberships[profile_id].customer_id
        change = changes.get(customer_id)
        if change is None:
            change = changes[customer_id] = Change({"touchpoints"}, touchpoint.received_at, cause)
        else:
            change.received_at = min(change.received_at, touchpoint.received_at)
            change.cause = cause
        if touchpoint.purchase is not None:
            change.parts.add("purchases")
        if touchpoint.has_traits:
            change.parts.add("traits")
    for founded in resolution.founded:
        if memberships[founded].customer_id == founded:
            changes[founded].parts.add("created")
    for attachment in resolution.attachments:
        changes[memberships[attachment.profile_id].customer_id].parts.add("identifiers")
    for merge in resolution.merges:
        changes[memberships[merge.customer_id].customer_id].parts.add("merged")
    for event in resolution.events:
        touchpoint, cause = arrivals[event.position]
        for touched in {event.profile_id, event.former_profile_id}:
            if touched is None:
                continue
            customer_id = memberships[touched].customer_id
            change = changes.setdefault(customer_id, Change(set(), touchpoint.received_at, cause))
            change.parts.add("identifiers")
    return changes


def add_enterprises(
    changes: dict[UUID, Change],
    arrivals: Sequence[Arrival],
    placements: Sequence[UUID],
    enlisted: Enlisted,
    memberships: Mapping[UUID, Membership],
) -> None:
    """Add what touchpoints changed in the views of the enterprises that they name, and of whom they put there."""
    for position, profile_id in enlisted.placements.items():
        touchpoint, cause = arrivals[position]
        customer_id = memberships[profile_id].customer_id
        change = changes.setdefault(customer_id, Change(set(), touchpoint.received_at, cause))
        change.parts.add("touchpoints")
        change.received_at = min(change.received_at, touchpoint.received_at)
        change.cause = cause
        if touchpoint.purchase is not None:
            change.parts.add("purchases")
        if tells_of_enterprise(touchpoint):
            change.parts |= {"traits", "record"}
            changes[memberships[placements[position]].customer_id].parts.add("record")
    for profile_id in enlisted.founded:
        changes[profile_id].parts |= {"created", "identifiers"}


def add_names(
    changes: Mapping[UUID, Change],
    names: Mapping[UUID, Collection[str]],
    memberships: Mapping[UUID, Membership],
) -> None:
    """Add which traits have another value; `names` are by fragment."""
    for profile_id, changed in names.items():
        changes[memberships[profile_id].customer_id].names.update(f"traits:{name}" for name in changed)
