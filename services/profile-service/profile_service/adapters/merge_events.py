"""What commands on merges tell the other services, as the events of the contract."""

from __future__ import annotations

from uuid import UUID

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC, CUSTOMER_MERGED_TOPIC
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
from guanxi_kit.consumer.unit import StreamUnit
from profile_service.adapters.publisher import SOURCE
from profile_service.application.merge_ports import JoinedByHand
from profile_service.application.undo_merge import Undone

MANUAL = "manual"


def emit_joined(joined: JoinedByHand, unit: StreamUnit) -> None:
    """Publish that a person made two customers one, and that the survivor's view changed."""
    value = CUSTOMER_MERGED.encode(
        CustomerMergedV1(
            merge_id=joined.merge_id,
            customer_id=joined.customer_id,
            absorbed_customer_id=joined.absorbed_customer_id,
            moved=[MovedFragment(profile_id, version) for profile_id, version in joined.moved],
            touchpoint_id=joined.merge_id,
            identifier_type=MANUAL,
            merged_at=unit.now,
        ),
        id=joined.merge_id.hex,
        source=SOURCE,
        time=unit.now,
    )
    unit.emit(CUSTOMER_MERGED_TOPIC.name, joined.customer_id.bytes, value)
    emit_changed(joined.customer_id, "merged", joined.merge_id.hex, unit)


def emit_undone(undone: Undone, unit: StreamUnit) -> None:
    """Publish that a merge was undone, and that both sides' views changed."""
    value = CUSTOMER_SPLIT.encode(
        CustomerSplitV1(
            merge_id=undone.merge_id,
            customer_id=undone.customer_id,
            parted_from=undone.parted_from,
            moved=[MovedFragment(profile_id, version) for profile_id, version in undone.moved],
            split_at=unit.now,
        ),
        id=f"{undone.merge_id.hex}/undone",
        source=SOURCE,
        time=unit.now,
    )
    unit.emit(CUSTOMER_MERGED_TOPIC.name, undone.customer_id.bytes, value)
    for customer_id in (undone.customer_id, undone.parted_from):
        emit_changed(customer_id, "split", f"{undone.merge_id.hex}/undone", unit)


def emit_changed(customer_id: UUID, part: ChangedPart, occasion: str, unit: StreamUnit) -> None:
    """Publish that a part of a customer's view changed; `occasion` names what brought it about, once for ever."""
    value = CUSTOMER_CHANGED.encode(
        CustomerChangedV1(customer_id=customer_id, changed=[part], changed_at=unit.now),
        id=f"{occasion}/{customer_id.hex}",
        source=SOURCE,
        time=unit.now,
    )
    unit.emit(CUSTOMER_CHANGED_TOPIC.name, customer_id.bytes, value)
