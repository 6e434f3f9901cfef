"""What an erasure publishes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC, CUSTOMER_MERGED_TOPIC, PRIVACY_ERASURE_TOPIC
from guanxi_contracts.customer import (
    CUSTOMER_CHANGED,
    CUSTOMER_SPLIT,
    CustomerChangedV1,
    CustomerSplitV1,
    MovedFragment,
)
from guanxi_contracts.privacy import ERASURE_REQUESTED, ErasureRequestedV1
from profile_service.application.erasure_ports import ErasureRequest, Removal

SOURCE = "profile-service"


class Published(NamedTuple):
    """A record to publish."""

    topic: str
    key: bytes
    value: bytes


def requested(request: ErasureRequest, now: datetime) -> Published:
    """Return the event that lets every service erase."""
    value = ERASURE_REQUESTED.encode(
        ErasureRequestedV1(
            request_id=request.request_id,
            customer_ids=list(request.customer_ids),
            profile_ids=list(request.profile_ids),
            tombstones=list(request.tombstones),
            requested_at=request.requested_at,
            holds=list(request.holds),
        ),
        id=f"{request.request_id}.erasure_requested",
        source=SOURCE,
        time=now,
        subject=str(request.request_id),
    )
    return Published(PRIVACY_ERASURE_TOPIC.name, request.request_id.bytes, value)


def removed(request: ErasureRequest, removal: Removal, now: datetime) -> Iterator[Published]:
    """Yield that the customers' views are gone, and what became of fragments that were left behind."""
    for customer_id in request.customer_ids:
        value = CUSTOMER_CHANGED.encode(
            CustomerChangedV1(customer_id=customer_id, changed=["erased"], changed_at=now),
            id=f"{request.request_id}/{customer_id.hex}",
            source=SOURCE,
            time=now,
        )
        yield Published(CUSTOMER_CHANGED_TOPIC.name, customer_id.bytes, value)
    for former, survivor, moved in removal.regrouped:
        value = CUSTOMER_SPLIT.encode(
            CustomerSplitV1(
                merge_id=request.request_id,
                customer_id=survivor,
                parted_from=former,
                moved=[MovedFragment(profile_id, version) for profile_id, version in moved.items()],
                split_at=now,
            ),
            id=f"{request.request_id}/{survivor.hex}",
            source=SOURCE,
            time=now,
        )
        yield Published(CUSTOMER_MERGED_TOPIC.name, survivor.bytes, value)


def of_contract(event: ErasureRequestedV1) -> ErasureRequest:
    """Return the request that an event is about."""
    return ErasureRequest(
        request_id=event.request_id,
        requested_at=event.requested_at,
        customer_ids=event.customer_ids,
        profile_ids=event.profile_ids,
        tombstones=event.tombstones,
        holds=tuple(event.holds),
    )
