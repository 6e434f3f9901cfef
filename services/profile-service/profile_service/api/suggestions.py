"""Suggested merges: the review queue, and what people decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.cursors import decode_place, encode_place
from guanxi_kit.errors import Problem
from profile_service.adapters.merging import merge_in
from profile_service.adapters.suggestion_store import PostgresSuggestions
from profile_service.api.commands import Reasoned, State, carry_out
from profile_service.api.merges import Cursor, Limit, already_one, different_kinds, encoded
from profile_service.api.state import ApiState
from profile_service.application.merge_customers import DifferentKinds, MergeCustomers
from profile_service.application.merge_ports import Decision
from profile_service.application.ports import Authority
from profile_service.application.suggestions import (
    AlreadyDecided,
    NoSuchSuggestion,
    Place,
    Suggestion,
    SuggestionSource,
    SuggestionState,
    close_suggestion,
    open_suggestion,
)

router = APIRouter(prefix="/v1/suggestions", tags=["merges"])
Writer = Annotated[Principal, Depends(require("merge.write"))]


@dataclass(frozen=True)
class SuggestionPage:
    """Suggestions: those that limits raised, then by falling score."""

    items: list[Suggestion]
    next_cursor: str | None


@dataclass(frozen=True)
class SuggestionAccepted:
    """The suggestion, and the merge that it led to."""

    merge_id: UUID
    suggestion: Suggestion


@router.get(
    "",
    response_model=SuggestionPage,
    summary="Review queue of merges",
)
async def list_suggestions(
    *,
    service: State,
    reading: Annotated[Reading, masked("merge.read", "suggestions")],
    state: SuggestionState = "open",
    source: SuggestionSource | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Pairs of customers who may be one: probable duplicates, and those whom a limit on merging kept apart."""
    after = None if cursor is None else decode_place(cursor, Place)
    async with service.database.connection() as connection:
        found = await PostgresSuggestions(connection).page(state, source, limit=limit + 1, after=after)
    page = list(found[:limit])
    await reading.of(end for each in page for end in (each.left_profile_id, each.right_profile_id))
    more = encode_place(Place(page[-1].score, page[-1].suggestion_id)) if len(found) > limit else None
    return encoded(SuggestionPage(page, more))


@router.post("/{suggestion_id}/accept", response_model=SuggestionAccepted, summary="Accept a suggested merge")
async def post_accept(suggestion_id: UUID, asked: Reasoned, state: State, principal: Writer) -> Response:
    """Make the two one customer. It can be undone like any merge."""

    async def accept(unit: StreamUnit) -> UUID | None:
        decision = Decision(principal.subject, asked.kept_reason, unit.now)
        suggestions = PostgresSuggestions(unit.connection)
        found = await open_suggestion(suggestion_id, suggestions)
        by = Authority("suggestion", decision.actor, decision.reason)
        merge = await merge_in(unit, MergeCustomers(found.left_profile_id, found.right_profile_id, by))
        await close_suggestion(suggestion_id, "accepted" if merge else "obsolete", decision, suggestions)
        if merge is not None:
            await suggestions.answer(merge.customer_id, decision)
        return merge and merge.merge_id

    try:
        merge_id = await carry_out(state, accept)
    except (NoSuchSuggestion, AlreadyDecided) as error:
        raise _refused(error) from None
    except DifferentKinds:
        raise different_kinds() from None
    if merge_id is None:
        raise already_one()
    return encoded(SuggestionAccepted(merge_id, await _read(suggestion_id, state)))


@router.post("/{suggestion_id}/reject", response_model=Suggestion, summary="Reject a suggested merge")
async def post_reject(suggestion_id: UUID, asked: Reasoned, state: State, principal: Writer) -> Response:
    """The two are different people: they are never suggested again."""

    async def reject(unit: StreamUnit) -> None:
        decision = Decision(principal.subject, asked.kept_reason, unit.now)
        suggestions = PostgresSuggestions(unit.connection)
        await open_suggestion(suggestion_id, suggestions)
        await close_suggestion(suggestion_id, "rejected", decision, suggestions)

    try:
        await carry_out(state, reject)
    except (NoSuchSuggestion, AlreadyDecided) as error:
        raise _refused(error) from None
    return encoded(await _read(suggestion_id, state))


async def _read(suggestion_id: UUID, state: ApiState) -> Suggestion:
    async with state.database.connection() as connection:
        found = await PostgresSuggestions(connection).suggestion(suggestion_id)
    if found is None:
        raise _refused(NoSuchSuggestion())
    return found


def _refused(error: NoSuchSuggestion | AlreadyDecided) -> Problem:
    if isinstance(error, NoSuchSuggestion):
        return Problem(404, detail="There is no such suggestion.")
    return Problem(
        409,
        detail=f"The suggestion is {error.state} already.",
        type="urn:guanxi:problem:already-decided",
        extra={"state": error.state},
    )
