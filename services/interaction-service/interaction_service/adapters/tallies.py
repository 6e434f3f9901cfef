"""Counting for reports, in the transaction of what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from guanxi_contracts.touchpoint import RecordStanding
from guanxi_kit.packs import ClockSettings
from interaction_service.application.counting import (
    ANYBODY,
    CONTACTS_GOAL,
    Contribution,
    Counts,
    Place,
    bound_of,
)
from interaction_service.domain.cases import Case
from interaction_service.domain.surveys import Survey

NOBODY = ""

# In one order, so that two who count the same never wait for each other in a circle.
ADD = """
INSERT INTO tally AS standing (measure, day, a, b, c, n)
SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[], $6::bigint[])
  AS given (measure, day, a, b, c, n) ORDER BY measure, day, a, b, c
ON CONFLICT (measure, day, a, b, c) DO UPDATE SET n = standing.n + excluded.n
"""
CASES = """
SELECT file.case_id, (file.opened_at AT TIME ZONE $2)::date AS day, coalesce(file.category, '') AS category,
  coalesce(file.cause, '') AS cause, ended.solved::integer AS solved,
  CASE WHEN ended.solved THEN extract(epoch FROM file.closed_at - file.opened_at)::bigint ELSE 0 END AS seconds,
  file.cycle - 1 AS reopened,
  (SELECT count(*) FROM case_clock WHERE case_id = file.case_id AND breached_at IS NOT NULL)::integer AS breached,
  counted AS before
FROM case_file AS file
CROSS JOIN LATERAL (SELECT file.closed_at IS NOT NULL AND file.duplicate_of IS NULL AS solved) AS ended
LEFT JOIN case_counted AS counted USING (case_id)
WHERE file.case_id = ANY($1::uuid[])
"""
REMEMBER = """
INSERT INTO case_counted (case_id, day, category, cause, solved, seconds, reopened, breached)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (case_id) DO UPDATE SET day = excluded.day, category = excluded.category, cause = excluded.cause,
  solved = excluded.solved, seconds = excluded.seconds, reopened = excluded.reopened, breached = excluded.breached
"""
CONTACTED = """
INSERT INTO contact_month AS standing (month, owner, customer_id, contacts)
SELECT * FROM unnest($1::date[], $2::text[], $3::uuid[], $4::int[]) AS given (month, owner, customer_id, contacts)
ORDER BY month, owner, customer_id
ON CONFLICT (month, owner, customer_id) DO UPDATE SET contacts = standing.contacts + excluded.contacts
RETURNING month, owner, customer_id, contacts
"""
# What the rows said before is read under their locks.
ASSESSED = """
WITH before AS (
  SELECT month, owner, customer_id, standing.required, standing.filled, given.required AS now_required,
    given.filled AS now_filled
  FROM contact_month AS standing
  JOIN unnest($1::date[], $2::uuid[], $3::int[], $4::int[]) AS given (month, customer_id, required, filled)
    USING (month, customer_id)
  WHERE (standing.required, standing.filled) <> (given.required, given.filled)
  ORDER BY month, owner, customer_id FOR UPDATE OF standing
), changed AS (
  UPDATE contact_month AS standing SET required = now_required, filled = now_filled FROM before
  WHERE (standing.month, standing.owner, standing.customer_id) = (before.month, before.owner, before.customer_id)
)
SELECT month, owner, sum(now_required - required) AS required, sum(now_filled - filled) AS filled
FROM before GROUP BY month, owner
"""
Contacts = Mapping[tuple[date, str, UUID], int]
"""How many of a day, an owner, a customer."""
Records = Mapping[tuple[date, UUID], RecordStanding]
"""How complete a customer's record is, by the month of what staff entered."""


def zone_of(clocks: ClockSettings) -> ZoneInfo:
    """Return the zone whose days are counted: that of the pack's first calendar."""
    return next((times.zone for times in clocks.calendars.values()), ZoneInfo("UTC"))


class Tallies:
    """Counts within the transaction of one connection, by days of a zone."""

    def __init__(self, connection: asyncpg.Connection[Any], zone: ZoneInfo) -> None:
        self._connection = connection
        self._zone = zone

    def day(self, at: datetime) -> date:
        """Return the day of a moment."""
        return at.astimezone(self._zone).date()

    async def cases(self, case_ids: Collection[UUID]) -> None:
        """Count what these cases contribute now, in place of what they did before."""
        rows = await self._connection.fetch(CASES, list(case_ids), self._zone.key)
        counts: Counts = Counter()
        changed: list[tuple[UUID, Contribution]] = []
        for row in rows:
            now, before = _contribution(row), row["before"]
            then = None if before is None else _contribution(before)
            if now != then:
                counts.update(now.counts())
                counts.subtract(then.counts() if then else {})
                changed.append((row["case_id"], now))
        await self.add(counts)
        await self._connection.executemany(REMEMBER, [(case_id, *now) for case_id, now in changed])

    async def responded(self, case: Case, actor: str, seconds: float, at: datetime) -> None:
        """Count the first response to a case, for whoever has it, or else who gave it."""
        await self.add(
            Counter([Place("response", self.day(at), case.owner or actor, case.team, bound_of(seconds))])
        )

    async def answered(self, survey: Survey, at: datetime) -> None:
        """Count an answer, for whoever had the case that it is about."""
        who = survey.owner or NOBODY, survey.team or NOBODY
        day = self.day(at)
        counts: Counts = Counter(
            {Place("csat", day, *who, name): score for name, score in survey.csat.items()}
        )
        counts.update(Place("csat.answer", day, *who, name) for name in survey.csat)
        if survey.nps is not None:
            counts[Place("nps", day, *who, str(survey.nps))] += 1
        await self.add(counts)

    async def contacted(self, contacts: Contacts, records: Records) -> None:
        """Count contacts, and how complete the records are of customers contacted in those months."""
        counts = await self._contacts(contacts) if contacts else Counter()
        if records:
            counts.update(await self._records(records))
        await self.add(counts)

    async def _contacts(self, contacts: Contacts) -> Counts:
        months: Counter[tuple[date, str, UUID]] = Counter()
        counts: Counts = Counter()
        for (day, owner, customer_id), times in contacts.items():
            for whoever in {owner, ANYBODY}:
                months[day.replace(day=1), whoever, customer_id] += times
            counts[Place("contact", day, owner)] += times
        given = [(*key, times) for key, times in months.items()]
        rows = await self._connection.fetch(CONTACTED, *(list(column) for column in zip(*given, strict=True)))
        for row in rows:
            month, owner, now = row["month"], row["owner"], row["contacts"]
            before = now - months[month, owner, row["customer_id"]]
            counts[Place("contact.customer", month, owner)] += before == 0
            counts[Place("contact.goal", month, owner)] += before < CONTACTS_GOAL <= now
        return counts

    async def _records(self, records: Records) -> Counts:
        given = [(*key, record.required, record.filled) for key, record in records.items()]
        rows = await self._connection.fetch(ASSESSED, *(list(column) for column in zip(*given, strict=True)))
        counts: Counts = Counter()
        for row in rows:
            counts[Place("record.required", row["month"], row["owner"])] += row["required"]
            counts[Place("record.filled", row["month"], row["owner"])] += row["filled"]
        return counts

    async def add(self, counts: Counts) -> None:
        """Add to the counts of days."""
        given = [(*place, n) for place, n in counts.items() if n]
        if given:
            await self._connection.execute(ADD, *(list(column) for column in zip(*given, strict=True)))


def _contribution(row: asyncpg.Record) -> Contribution:
    return Contribution(*(row[name] for name in Contribution._fields))
