"""Commands and queries on suggested merges: a person decides whether two customers are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from profile_service.application.merge_ports import Decision

SuggestionState = Literal["open", "accepted", "rejected", "obsolete"]
SuggestionSource = Literal["duplicate", "cluster_size", "merge_rate"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two customers who may be one: why, and what a person decided.

    `left_profile_id` and `right_profile_id` are the customers as they were when it was made; `left_customer_id` and
    `right_customer_id` are those that they belong to now. `evidence` holds no personal values.
    """

    suggestion_id: UUID
    source: SuggestionSource
    score: float | None
    evidence: Any
    state: SuggestionState
    left_profile_id: UUID
    right_profile_id: UUID
    left_customer_id: UUID
    right_customer_id: UUID
    touchpoint_id: UUID | None
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None


class Place(NamedTuple):
    """Where a page of suggestions ends: those without a score come first, then by falling score."""

    score: float | None
    suggestion_id: UUID


class Suggestions(Protocol):
    """Suggested merges, inside one transaction."""

    async def suggestion(self, suggestion_id: UUID) -> Suggestion | None: ...
    async def page(
        self, state: SuggestionState, source: SuggestionSource | None, *, limit: int, after: Place | None
    ) -> Sequence[Suggestion]:
        """Return suggestions of a state; open ones only while the two are different customers."""
        ...

    async def decide(self, suggestion_id: UUID, state: SuggestionState, decision: Decision) -> bool:
        """Close an open suggestion; False when it is open no more."""
        ...


class NoSuchSuggestion(LookupError):
    """Nobody ever made this suggestion."""


class AlreadyDecided(Exception):
    """The suggestion is open no more; `state` says what became of it."""

    def __init__(self, state: SuggestionState) -> None:
        super().__init__(state)
        self.state = state


async def open_suggestion(suggestion_id: UUID, suggestions: Suggestions) -> Suggestion:
    """Return a suggestion that nobody has decided. Raises NoSuchSuggestion, AlreadyDecided."""
    found = await suggestions.suggestion(suggestion_id)
    if found is None:
        raise NoSuchSuggestion(str(suggestion_id))
    if found.state != "open":
        raise AlreadyDecided(found.state)
    return found


async def close_suggestion(
    suggestion_id: UUID, state: SuggestionState, decision: Decision, suggestions: Suggestions
) -> None:
    """Close a suggestion that was open a moment ago. Raises AlreadyDecided when somebody else was faster."""
    if not await suggestions.decide(suggestion_id, state, decision):
        found = await suggestions.suggestion(suggestion_id)
        raise AlreadyDecided(found.state if found else "obsolete")
