"""Merges by hand in a transaction that publishes them."""

from __future__ import annotations

from guanxi_kit.consumer.unit import StreamUnit
from profile_service.adapters.publisher import emit_merge
from profile_service.adapters.structure_store import PostgresStructure
from profile_service.application.merge_customers import MergeCustomers, merge_customers
from profile_service.domain.decisions import Merge


async def merge_in(unit: StreamUnit, command: MergeCustomers) -> Merge | None:
    """Join two customers and publish it when the transaction commits; None when they are one already.

    Raises NoSuchCustomer.
    """
    merge = await merge_customers(command, PostgresStructure(unit.connection), unit.now)
    if merge is not None:
        emit_merge(merge, unit.emit, unit.now)
    return merge
