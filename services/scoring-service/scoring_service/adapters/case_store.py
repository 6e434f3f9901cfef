"""How cases stand, in PostgreSQL, each counted in the features of the fragment that it is kept under."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from scoring_service.adapters.signal_store import PostgresSignals
from scoring_service.application.commands import RecordCase
from scoring_service.domain.features import Features

# Missing rows are made before all are locked, so that two who hear of a new case at once count it after one another.
CREATE = """
INSERT INTO case_standing (case_id, profile_id, version, is_complaint, is_open, is_overdue, was_reopened)
SELECT c, p, 0, false, false, false, false FROM unnest($1::uuid[], $2::uuid[]) AS u(c, p) ORDER BY c
ON CONFLICT (case_id) DO NOTHING
"""
LOCK = """
SELECT case_id, version, is_complaint, is_open, is_overdue, was_reopened, opened_at FROM case_standing
WHERE case_id = ANY($1::uuid[]) ORDER BY case_id FOR UPDATE
"""
WRITE = """
UPDATE case_standing AS s SET version = u.version, is_complaint = u.is_complaint, is_open = u.is_open,
    is_overdue = u.is_overdue, was_reopened = u.was_reopened, opened_at = u.opened_at
FROM unnest($1::uuid[], $2::int[], $3::boolean[], $4::boolean[], $5::boolean[], $6::boolean[], $7::timestamptz[])
    AS u(case_id, version, is_complaint, is_open, is_overdue, was_reopened, opened_at)
WHERE s.case_id = u.case_id
"""


class _Standing(NamedTuple):
    version: int
    is_complaint: bool
    is_open: bool
    is_overdue: bool
    was_reopened: bool
    opened_at: datetime | None

    def after(self, told: RecordCase) -> _Standing:
        """The newest version holds; that a case was reopened is never forgotten, whichever version said so."""
        reopened = self.was_reopened or told.was_reopened
        if told.version <= self.version:
            return self._replace(was_reopened=reopened)
        return _Standing(
            told.version, told.is_complaint, told.is_open, told.is_overdue, reopened, told.opened_at
        )

    @property
    def counts(self) -> tuple[int, int, int]:
        """How much of an open complaint, an overdue and a reopened case it is."""
        return (
            int(self.is_open and self.is_complaint),
            int(self.is_open and self.is_overdue),
            int(self.is_open and self.was_reopened),
        )


class PostgresCases(PostgresSignals):
    """The `CaseStore` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        super().__init__(connection)
        self._connection = connection

    async def keep(self, told: Sequence[RecordCase]) -> dict[UUID, Features]:
        """Keep how the cases stand; return, by fragment, what that adds to its features."""
        owner = {case.case_id: case.profile_id for case in told}
        await self._connection.execute(CREATE, list(owner), list(owner.values()))
        rows = await self._connection.fetch(LOCK, list(owner))
        before = {row["case_id"]: _Standing(*tuple(row)[1:]) for row in rows}
        after = dict(before)
        for case in told:
            after[case.case_id] = after[case.case_id].after(case)
        changed = {case_id: standing for case_id, standing in after.items() if standing != before[case_id]}
        columns = zip(*changed.values(), strict=True) if changed else [[]] * len(_Standing._fields)
        await self._connection.execute(WRITE, list(changed), *map(list, columns))
        added: dict[UUID, Features] = {}
        for case_id, standing in changed.items():
            difference = _difference(before[case_id], standing)
            added.setdefault(owner[case_id], Features()).combine(difference)
        return added


def _difference(before: _Standing, after: _Standing) -> Features:
    complaints, overdue, reopened = (new - old for new, old in zip(after.counts, before.counts, strict=True))
    return Features(
        open_complaints=complaints,
        overdue_cases=overdue,
        reopened_cases=reopened,
        last_complaint_at=after.opened_at if after.is_complaint else None,
    )
