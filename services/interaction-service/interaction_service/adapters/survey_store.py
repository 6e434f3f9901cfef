"""Surveys in PostgreSQL: within one transaction, and read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.timers import Timer, arm, disarm
from interaction_service.adapters.membership import KnowsCustomers
from interaction_service.application.survey_ports import CaseNamed
from interaction_service.domain.surveys import Survey

TIMER = "survey"

COLUMNS = tuple(field.name for field in fields(Survey))
CASE = "SELECT profile_id, cycle, owner, team FROM case_file WHERE case_id = $1"
HOLD = "SELECT * FROM survey WHERE survey_id = ANY($1::uuid[]) ORDER BY survey_id FOR UPDATE"
HOLD_PENDING = """
SELECT * FROM survey WHERE case_id = $1 AND state IN ('planned', 'issued') ORDER BY survey_id FOR UPDATE
"""
ADD = f"""
INSERT INTO survey ({", ".join(COLUMNS)}) VALUES ({", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))})
ON CONFLICT (survey_id) DO NOTHING RETURNING survey_id
"""  # noqa: S608
SAVE = """
UPDATE survey SET state = $2, version = $3, nonce = $4, issued_at = $5, expires_at = $6, ended_at = $7, csat = $8,
  nps = $9, improvement_id = $10, held_back = $11, held_back_for = $12
WHERE survey_id = $1
"""
HOLD_PEOPLE = """
SELECT profile_id, customer_id FROM membership WHERE customer_id = ANY($1::uuid[]) ORDER BY profile_id FOR NO KEY UPDATE
"""
ISSUED_AFTER = """
SELECT survey_id FROM survey WHERE profile_id = ANY($1::uuid[]) AND issued_at > $2 ORDER BY issued_at DESC LIMIT 1
"""
PLANNED_ABOUT_CASE = """
SELECT survey_id FROM survey
WHERE profile_id = ANY($1::uuid[]) AND origin = 'case' AND state = 'planned' AND due_at <= $2 ORDER BY due_at LIMIT 1
"""
KEEP_WORDS = "UPDATE survey SET sealed = $2 WHERE survey_id = $1"
ONE = """
SELECT survey.*, member.customer_id FROM survey LEFT JOIN membership AS member USING (profile_id) WHERE survey_id = $1
"""
# The newest first; a survey is about the case that it asks about and about the one that it opened.
PAGE = """
SELECT survey.*, member.customer_id FROM survey LEFT JOIN membership AS member USING (profile_id)
WHERE (survey.due_at, survey.survey_id) < ($1, $2) {conditions}
ORDER BY survey.due_at DESC, survey.survey_id DESC LIMIT $3
"""
OF_PEOPLE = "AND survey.profile_id = ANY(${place}::uuid[])"
OF_CASE = "AND (survey.case_id = ${place} OR survey.improvement_id = ${place})"


def survey_aad(survey_id: UUID) -> bytes:
    """What binds a customer's words to the survey."""
    return b"survey\0" + survey_id.bytes


class PostgresSurveys(KnowsCustomers):
    """The `SurveyStore` port, and reading, over one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def hold_people(self, customer_ids: Collection[UUID]) -> Mapping[UUID, Sequence[UUID]]:
        """Return the fragments of customers, who are locked: nobody else issues surveys to them meanwhile."""
        found: dict[UUID, list[UUID]] = {}
        for row in await self._connection.fetch(HOLD_PEOPLE, list(customer_ids)):
            found.setdefault(row["customer_id"], []).append(row["profile_id"])
        return found

    async def issued_after(self, profile_ids: Collection[UUID], at: datetime) -> UUID | None:
        """Return the survey that was issued last to these fragments, after a moment."""
        found: UUID | None = await self._connection.fetchval(ISSUED_AFTER, list(profile_ids), at)
        return found

    async def planned_about_case(self, profile_ids: Collection[UUID], until: datetime) -> UUID | None:
        """Return the survey that is to be issued next about a case of these fragments, by a moment."""
        found: UUID | None = await self._connection.fetchval(PLANNED_ABOUT_CASE, list(profile_ids), until)
        return found

    async def case(self, case_id: UUID) -> CaseNamed | None:
        """Return whose a case is."""
        row = await self._connection.fetchrow(CASE, case_id)
        return None if row is None else CaseNamed(*row)

    async def hold(self, survey_ids: Collection[UUID]) -> Mapping[UUID, Survey]:
        """Return surveys, locked until the transaction ends; unknown ones are absent."""
        rows = await self._connection.fetch(HOLD, list(survey_ids))
        return {row["survey_id"]: survey_of(row) for row in rows}

    async def hold_pending(self, case_id: UUID) -> Sequence[Survey]:
        """Return the surveys about a case that may still be answered, locked."""
        return [survey_of(row) for row in await self._connection.fetch(HOLD_PENDING, case_id)]

    async def add(self, survey: Survey) -> bool:
        """Write a new survey; False when it is there already."""
        values = [getattr(survey, name) for name in COLUMNS]
        return await self._connection.fetchrow(ADD, *values) is not None

    async def save(self, surveys: Sequence[Survey]) -> None:
        """Write how surveys stand now."""
        if surveys:
            await self._connection.executemany(SAVE, [_standing(survey) for survey in surveys])

    async def keep_words(self, survey_id: UUID, words: str) -> None:
        """Keep what the customer wrote, sealed."""
        sealed = self._keyring.seal(words.encode(), survey_aad(survey_id))
        await self._connection.execute(KEEP_WORDS, survey_id, sealed)

    async def wake(self, survey_id: UUID, at: datetime) -> None:
        """Look at a survey at this moment, and at no other."""
        await arm(self._connection, [Timer(TIMER, survey_id, at)])

    async def rest(self, survey_ids: Collection[UUID]) -> None:
        """Look at surveys no more."""
        await disarm(self._connection, TIMER, survey_ids)

    async def one(self, survey_id: UUID) -> asyncpg.Record | None:
        """Return a survey with the customer that it belongs to now."""
        return await self._connection.fetchrow(ONE, survey_id)

    async def page(
        self,
        people: Sequence[UUID] | None,
        case_id: UUID | None,
        limit: int,
        behind: tuple[datetime, UUID],
    ) -> list[asyncpg.Record]:
        """Return surveys of these fragments, about this case; None: of all."""
        asked = [(OF_PEOPLE, people), (OF_CASE, case_id)]
        chosen = [(condition, value) for condition, value in asked if value is not None]
        conditions = [condition.format(place=place) for place, (condition, _) in enumerate(chosen, 4)]
        values = [value for _, value in chosen]
        sql = PAGE.format(conditions=" ".join(conditions))
        return list(await self._connection.fetch(sql, *behind, limit, *values))

    def words_of(self, row: asyncpg.Record) -> str | None:
        """Return what the customer wrote; None without, and where it cannot be opened."""
        if row["sealed"] is None:
            return None
        try:
            return self._keyring.open(row["sealed"], survey_aad(row["survey_id"])).decode()
        except SealBroken:
            return None


def survey_of(row: asyncpg.Record) -> Survey:
    """Return the survey of a row."""
    return Survey(**{name: row[name] for name in COLUMNS})


def _standing(survey: Survey) -> tuple[Any, ...]:
    return (
        survey.survey_id,
        survey.state,
        survey.version,
        survey.nonce,
        survey.issued_at,
        survey.expires_at,
        survey.ended_at,
        dict(survey.csat),
        survey.nps,
        survey.improvement_id,
        survey.held_back,
        survey.held_back_for,
    )
