"""Merges: the journal, and what people do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import FieldError, Problem
from profile_service.adapters.merge_reads import PostgresMergeReads
from profile_service.adapters.merging import merge_in, undo_in
from profile_service.adapters.suggestion_store import PostgresSuggestions
from profile_service.api.commands import Reasoned, State, carry_out
from profile_service.application.explain_customer import JournalEntry
from profile_service.application.merge_customers import DifferentKinds, MergeCustomers, NoSuchCustomer
from profile_service.application.merge_ports import Decision
from profile_service.application.ports import Authority
from profile_service.application.undo_merge import AlreadyUndone, NoSuchMerge
from profile_service.domain.decisions import Merge

router = APIRouter(prefix="/v1/merges", tags=["merges"])
JournalReading = Annotated[Reading, masked("merge.read", "merges")]
Writer = Annotated[Principal, Depends(require("merge.write"))]
Cursor = Annotated[str | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=200)]


class MergeAsked(Reasoned):
    """Two customers who are one person; any ids they ever had will do."""

    customer_ids: Annotated[list[UUID], Field(min_length=2, max_length=2)]


@dataclass(frozen=True)
class MergePage:
    """Merges, the newest first."""

    items: list[JournalEntry]
    next_cursor: str | None


@dataclass(frozen=True)
class MergeUndone:
    """Both customers after an undo; `fragments` are those that left `parted_from`."""

    merge_id: UUID
    customer_id: UUID
    parted_from: UUID
    fragments: list[UUID]
    undone_at: datetime


@router.post("", response_model=JournalEntry, summary="Merge two customers")
async def post_merge(asked: MergeAsked, state: State, principal: Writer) -> Response:
    """Make two customers one, whatever the limits; the one with the smaller id survives. It can be undone."""
    by = Authority("manual", principal.subject, asked.kept_reason)
    left, right = asked.customer_ids

    async def join(unit: StreamUnit) -> Merge | None:
        merge = await merge_in(unit, MergeCustomers(left, right, by))
        if merge is not None:
            decision = Decision(principal.subject, asked.kept_reason, unit.now)
            await PostgresSuggestions(unit.connection).answer(merge.customer_id, decision)
        return merge

    try:
        merge = await carry_out(state, join)
    except NoSuchCustomer as error:
        raise no_customer(error.profile_id, asked.customer_ids) from None
    except DifferentKinds:
        raise different_kinds() from None
    if merge is None:
        raise already_one()
    return encoded(await _entry(merge.merge_id, state))


@router.get("", response_model=MergePage, summary="Journal of merges")
async def list_merges(
    state: State,
    reading: JournalReading,
    customer_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The newest first; of one customer, those that hold it together and those undone that parted it from others."""
    before = None if cursor is None else decode_cursor(cursor)
    async with state.database.connection() as connection:
        reads = PostgresMergeReads(connection, state.keyring)
        if customer_id is not None:
            customer_id = await reads.customer_of(customer_id)
            if customer_id is None:
                raise Problem(404, detail="There is no such customer.")
        found = await reads.page(customer_id, limit=limit + 1, before=before)
    page = list(found[:limit])
    await reading.of(_people(page))
    more = encode_cursor(page[-1].merged_at, page[-1].merge_id) if len(found) > limit else None
    return encoded(MergePage(page, more))


@router.get("/{merge_id}", response_model=JournalEntry, summary="One merge")
async def get_merge(merge_id: UUID, state: State, reading: JournalReading) -> Response:
    """Which two became one, by which touchpoint and identifier or whose decision, and whether it was undone."""
    entry = await _entry(merge_id, state)
    await reading.of(_people([entry]))
    return encoded(entry)


@router.post("/{merge_id}/undo", response_model=MergeUndone, summary="Undo a merge")
async def post_undo(merge_id: UUID, asked: Reasoned, state: State, principal: Writer) -> Response:
    """Part the two again: what was recorded of each stays with it, and the same evidence merges them no more."""
    try:
        undone = await carry_out(
            state, lambda unit: undo_in(unit, merge_id, principal.subject, asked.kept_reason)
        )
    except NoSuchMerge:
        raise no_merge() from None
    except AlreadyUndone as error:
        raise Problem(
            409,
            detail="The merge was undone before.",
            type="urn:guanxi:problem:already-undone",
            extra={"undone_at": error.merge.undone_at, "undone_by": error.merge.undone_by},
        ) from None
    fragments = [profile_id for profile_id, _ in undone.moved]
    return encoded(MergeUndone(merge_id, undone.customer_id, undone.parted_from, fragments, undone.undone_at))


def _people(entries: Sequence[JournalEntry]) -> set[UUID]:
    """Whose identifiers stand in these entries."""
    return {end for entry in entries for end in entry.edge[1:]}


async def _entry(merge_id: UUID, state: State) -> JournalEntry:
    async with state.database.connection() as connection:
        entry = await PostgresMergeReads(connection, state.keyring).merge(merge_id)
    if entry is None:
        raise no_merge()
    return entry


def encoded(document: object) -> Response:
    """Answer with a document as JSON."""
    return Response(msgspec.json.encode(document), media_type="application/json")


def no_merge() -> Problem:
    """The problem of an id that is no merge's."""
    return Problem(404, detail="There is no such merge.")


def no_customer(profile_id: UUID, asked: list[UUID]) -> Problem:
    """The problem of an id, one of those `asked`, that nobody ever had."""
    fault = FieldError(f"customer_ids.{asked.index(profile_id)}", "is no customer's")
    return Problem(404, detail="There is no such customer.", errors=[fault])


def different_kinds() -> Problem:
    """The problem of a person and an enterprise."""
    return Problem(
        409,
        detail="One is a person and the other an enterprise: they can be linked, but never become one.",
        type="urn:guanxi:problem:different-kinds",
    )


def already_one() -> Problem:
    """The problem of two ids that mean the same customer."""
    return Problem(
        409, detail="The two are one customer already.", type="urn:guanxi:problem:already-one-customer"
    )
