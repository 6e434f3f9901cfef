"""Leaves out of a batch what is about erased persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from guanxi_contracts.customer import CustomerMergedV1, CustomerSplitV1
from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.consumer import Received
from guanxi_kit.erasure.standing import Connection, erased_among

Regrouped = TypeVar("Regrouped", bound=CustomerMergedV1 | CustomerSplitV1)


async def without_erased_touchpoints(
    connection: Connection, received: Sequence[Received[TouchpointResolvedV1]]
) -> Sequence[Received[TouchpointResolvedV1]]:
    """Return the touchpoints of persons who are not erased; nobody becomes so before the transaction ends."""
    concerned: set[UUID] = set()
    for each in received:
        concerned.add(each.event.data.profile_id)
        concerned.update(each.event.data.members)
    erased = await erased_among(connection, concerned)
    if not erased:
        return received
    left = [each for each in received if each.event.data.profile_id not in erased]
    for each in left:
        if not erased.isdisjoint(each.event.data.members):
            each.event.data.members = [one for one in each.event.data.members if one not in erased]
    return left


async def without_erased_moves(
    connection: Connection, received: Sequence[Received[Regrouped]]
) -> Sequence[Received[Regrouped]]:
    """Return merges and their undoing as far as they move fragments that are not erased; see above."""
    moved = {one.profile_id for each in received for one in each.event.data.moved}
    erased = await erased_among(connection, moved)
    if not erased:
        return received
    for each in received:
        each.event.data.moved = [one for one in each.event.data.moved if one.profile_id not in erased]
    return [each for each in received if each.event.data.moved]
