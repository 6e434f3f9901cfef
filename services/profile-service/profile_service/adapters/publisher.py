"""Writes what happened into the outbox, as the events of the contract."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import get_args
from uuid import UUID

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC, CUSTOMER_MERGED_TOPIC, TOUCHPOINT_RESOLVED_TOPIC
from guanxi_contracts.customer import (
    CUSTOMER_CHANGED,
    CUSTOMER_MERGED,
    CUSTOMER_SPLIT,
    ChangedPart,
    CustomerChangedV1,
    CustomerMergedV1,
    CustomerSplitV1,
    MovedFragment,
)
from guanxi_contracts.touchpoint import (
    TOUCHPOINT_RESOLVED,
    EnterpriseMembership,
    RecordStanding,
    TouchpointResolvedV1,
)
from guanxi_kit.consumer import Cause, Outbox
from profile_service.application.assess_records import Completeness
from profile_service.application.changes import Change
from profile_service.application.resolve_touchpoints import Outcome
from profile_service.application.undo_merge import Undone
from profile_service.domain.decisions import Merge
from profile_service.domain.view import STAFF

SOURCE = "profile-service"
NO_RECORDS: Mapping[UUID, Completeness] = {}
_PARTS: tuple[ChangedPart, ...] = get_args(ChangedPart)
_RESOLVED = TOUCHPOINT_RESOLVED_TOPIC.name
_MERGED = CUSTOMER_MERGED_TOPIC.name
_CHANGED = CUSTOMER_CHANGED_TOPIC.name


def publish_outcome(
    outcome: Outcome, outbox: Outbox, now: datetime, records: Mapping[UUID, Completeness] = NO_RECORDS
) -> None:
    """Publish one event per resolved touchpoint, per merge and per customer changed.

    `records` says how complete the customers are of whom staff entered something.
    """
    nobody: list[UUID] = []
    for position, ((touchpoint, cause), profile_id) in enumerate(
        zip(outcome.arrivals, outcome.placements, strict=True)
    ):
        customer_id, version = outcome.memberships[profile_id]
        resolved = TouchpointResolvedV1(
            profile_id=profile_id,
            customer_id=customer_id,
            membership_version=version,
            touchpoint=touchpoint,
            members=outcome.members.get(customer_id, nobody),
            enterprise=_enterprise(outcome, position) if outcome.enterprises else None,
            record=_record(records.get(customer_id)) if touchpoint.channel == STAFF else None,
        )
        value = TOUCHPOINT_RESOLVED.encode(resolved, id=touchpoint.touchpoint_id.hex, source=SOURCE, time=now)
        outbox.add(cause, _RESOLVED, customer_id.bytes, value)
    if outcome.merges:
        causes = {arrival.touchpoint.touchpoint_id: arrival.cause for arrival in outcome.arrivals}
        for merge in outcome.merges:
            outbox.add(causes[merge.touchpoint_id], _MERGED, merge.customer_id.bytes, _merged(merge, now))
    for customer_id, change in outcome.changes.items():
        outbox.add(change.cause, _CHANGED, customer_id.bytes, _changed(customer_id, change, now))


def _record(standing: Completeness | None) -> RecordStanding | None:
    return None if standing is None else RecordStanding(*standing)


def _enterprise(outcome: Outcome, position: int) -> EnterpriseMembership | None:
    profile_id = outcome.enterprises.get(position)
    return None if profile_id is None else EnterpriseMembership(profile_id, *outcome.memberships[profile_id])


Emit = Callable[[str, bytes, bytes], None]
"""Publishes topic, key and value when the transaction of a command commits."""


def emit_merge(merge: Merge, emit: Emit, now: datetime) -> None:
    """Publish a merge by hand, and that the survivor's view changed."""
    emit(_MERGED, merge.customer_id.bytes, _merged(merge, now))
    emit_changed(merge.customer_id, "merged", merge.merge_id.hex, emit, now)


def emit_undone(undone: Undone, emit: Emit, now: datetime) -> None:
    """Publish that a merge was undone, and that both sides' views changed."""
    split = CustomerSplitV1(
        merge_id=undone.merge_id,
        customer_id=undone.customer_id,
        parted_from=undone.parted_from,
        moved=[MovedFragment(profile_id, version) for profile_id, version in undone.moved],
        split_at=now,
    )
    occasion = f"{undone.merge_id.hex}/undone"
    emit(_MERGED, split.customer_id.bytes, CUSTOMER_SPLIT.encode(split, id=occasion, source=SOURCE, time=now))
    for customer_id in (undone.customer_id, undone.parted_from):
        emit_changed(customer_id, "split", occasion, emit, now)


def emit_changed(
    customer_id: UUID,
    part: ChangedPart,
    occasion: str,
    emit: Emit,
    now: datetime,
    *,
    names: Collection[str] = (),
) -> None:
    """Publish that a command changed a part of a customer's view; `occasion` names the command, once for ever."""
    changed = CustomerChangedV1(customer_id=customer_id, changed=[part], changed_at=now, names=sorted(names))
    value = CUSTOMER_CHANGED.encode(changed, id=f"{occasion}/{customer_id.hex}", source=SOURCE, time=now)
    emit(_CHANGED, customer_id.bytes, value)


def publish_part(part: ChangedPart, causes: Mapping[UUID, Cause], outbox: Outbox, now: datetime) -> None:
    """Publish that what another service told of these customers changed a part of their views."""
    for customer_id, cause in causes.items():
        value = CUSTOMER_CHANGED.encode(
            CustomerChangedV1(customer_id=customer_id, changed=[part], changed_at=now),
            id=f"{cause.source}/{cause.sequence}/{customer_id.hex}",
            source=SOURCE,
            time=now,
        )
        outbox.add(cause, _CHANGED, customer_id.bytes, value)


def _merged(merge: Merge, now: datetime) -> bytes:
    return CUSTOMER_MERGED.encode(
        CustomerMergedV1(
            merge_id=merge.merge_id,
            customer_id=merge.customer_id,
            absorbed_customer_id=merge.absorbed_customer_id,
            moved=[MovedFragment(profile_id, version) for profile_id, version in merge.moved],
            touchpoint_id=merge.touchpoint_id,
            identifier_type=merge.identifier_type,
            merged_at=now,
        ),
        id=merge.merge_id.hex,
        source=SOURCE,
        time=now,
    )


def _changed(customer_id: UUID, change: Change, now: datetime) -> bytes:
    return CUSTOMER_CHANGED.encode(
        CustomerChangedV1(
            customer_id=customer_id,
            changed=[part for part in _PARTS if part in change.parts],
            changed_at=now,
            received_at=change.received_at,
            names=sorted(change.names),
        ),
        id=f"{change.cause.source}/{change.cause.sequence}/{customer_id.hex}",
        source=SOURCE,
        time=now,
    )
