"""Merges by hand and undos in a transaction that publishes them."""

from __future__ import annotations

from uuid import UUID

from guanxi_kit.consumer.unit import StreamUnit
from profile_service.adapters.merge_journal import PostgresJournal
from profile_service.adapters.publisher import emit_merge, emit_undone
from profile_service.adapters.structure_store import PostgresStructure
from profile_service.application.merge_customers import MergeCustomers, merge_customers
from profile_service.application.merge_ports import Decision
from profile_service.application.undo_merge import Undone, undo_merge
from profile_service.domain.decisions import Merge


async def merge_in(unit: StreamUnit, command: MergeCustomers) -> Merge | None:
    """Join two customers and publish it when the transaction commits; None when they are one already.

    Raises NoSuchCustomer.
    """
    merge = await merge_customers(command, PostgresStructure(unit.connection), unit.now)
    if merge is not None:
        emit_merge(merge, unit.emit, unit.now)
    return merge


async def undo_in(unit: StreamUnit, merge_id: UUID, actor: str, reason: str) -> Undone:
    """Undo a merge and publish it when the transaction commits. Raises NoSuchMerge, AlreadyUndone."""
    decision = Decision(actor, reason, unit.now)
    undone = await undo_merge(merge_id, decision, PostgresJournal(unit.connection))
    emit_undone(undone, unit.emit, unit.now)
    return undone
