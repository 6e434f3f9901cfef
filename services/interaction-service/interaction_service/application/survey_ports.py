"""What the survey desk needs of the outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from interaction_service.domain.surveys import Survey


class CaseNamed(NamedTuple):
    """Whose a case is, and who has it."""

    profile_id: UUID
    cycle: int
    owner: str | None
    team: str


class SurveyStore(Protocol):
    """Reads and writes within one transaction."""

    async def customers_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        ...

    async def hold_people(self, customer_ids: Collection[UUID]) -> Mapping[UUID, Sequence[UUID]]:
        """Return the fragments of customers, who are locked: nobody else issues surveys to them meanwhile."""
        ...

    async def issued_after(self, profile_ids: Collection[UUID], at: datetime) -> UUID | None:
        """Return the survey that was issued last to these fragments, after a moment."""
        ...

    async def planned_about_case(self, profile_ids: Collection[UUID], until: datetime) -> UUID | None:
        """Return the survey that is to be issued next about a case of these fragments, by a moment."""
        ...

    async def case(self, case_id: UUID) -> CaseNamed | None:
        """Return whose a case is."""
        ...

    async def hold(self, survey_ids: Collection[UUID]) -> Mapping[UUID, Survey]:
        """Return surveys, locked until the transaction ends; unknown ones are absent."""
        ...

    async def hold_pending(self, case_id: UUID) -> Sequence[Survey]:
        """Return the surveys about a case that may still be answered, locked."""
        ...

    async def add(self, survey: Survey) -> bool:
        """Write a new survey; False when it is there already."""
        ...

    async def save(self, surveys: Sequence[Survey]) -> None:
        """Write how surveys stand now."""
        ...

    async def keep_words(self, survey_id: UUID, words: str) -> None:
        """Keep what the customer wrote, sealed."""
        ...

    async def wake(self, survey_id: UUID, at: datetime) -> None:
        """Look at a survey at this moment, and at no other."""
        ...

    async def rest(self, survey_ids: Collection[UUID]) -> None:
        """Look at surveys no more."""
        ...


class SurveyCounts(Protocol):
    """Counts for reports."""

    async def answered(self, survey: Survey, at: datetime) -> None:
        """Count an answer."""
        ...


class SurveyNews(Protocol):
    """Publishes when the transaction commits."""

    def changed(self, survey: Survey, customer_id: UUID) -> None:
        """Tell that a survey was issued, answered, cancelled, or expired."""
        ...

    def answered(self, survey: Survey, words: str) -> None:
        """Put an answer on the customer's timeline."""
        ...


class Improvement(NamedTuple):
    """The case that was opened for what was found wanting."""

    case_id: UUID
    number: str


class Improvements(Protocol):
    """Opens cases for what customers find wanting."""

    async def open(self, survey: Survey, words: str) -> Improvement:
        """Open the case of an answered survey."""
        ...
