"""Reads of records from PostgreSQL: the year, invalid values, contacts. All walk indexes, whatever the history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from profile_service.adapters.trait_reads import PostgresTraitReads
from profile_service.adapters.vault import contact_aad, invalid_aad
from profile_service.application.record_ports import Linked, StoredLink, StoredMark, UndeclaredField
from profile_service.domain.record import YearlyAmount

# What the version before wrote has no year beside it: of that, purchases of one year, or of years gone by, are told.
YEARLY = """
SELECT (coalesce(sum(year_purchases) FILTER (WHERE year = $3), 0)
    + coalesce(sum(touchpoints) FILTER (WHERE dated IS NULL AND first_year = $3), 0))::bigint AS purchases,
  (coalesce(sum(year_minor) FILTER (WHERE year = $3), 0)
    + coalesce(sum(amount_minor) FILTER (WHERE dated IS NULL AND first_year = $3), 0))::bigint AS amount_minor,
  coalesce(bool_and(coalesce(dated, 0) = touchpoints OR last_year < $3 OR (dated IS NULL AND first_year = $3)), true)
    AS complete
FROM activity, LATERAL (
  SELECT extract(year FROM first_at AT TIME ZONE 'Asia/Shanghai') AS first_year,
    extract(year FROM last_at AT TIME ZONE 'Asia/Shanghai') AS last_year
) AS years
WHERE profile_id = ANY($1::uuid[]) AND currency = $2
"""
MARKS = """
SELECT profile_id, type, channel, sealed, reason, occurred_at FROM invalid_identifier
WHERE profile_id = ANY($1::uuid[]) ORDER BY type, occurred_at DESC, channel
"""
# A person linked by several fragments stands at the smallest of them, so that a page names everybody once.
CONTACTS = """
SELECT DISTINCT ON (link.person_profile_id) link.person_profile_id, link.customer_id, link.customer_number
FROM unnest($1::uuid[]) AS enterprise (profile_id)
CROSS JOIN LATERAL (
  SELECT link.person_profile_id, person.customer_id, customer.customer_number
  FROM contact_link AS link
  JOIN fragment AS person ON person.profile_id = link.person_profile_id
  JOIN customer ON customer.customer_id = person.customer_id
  WHERE link.enterprise_profile_id = enterprise.profile_id AND link.person_profile_id > $2
    AND NOT EXISTS (
      SELECT FROM fragment AS other JOIN contact_link AS first ON first.person_profile_id = other.profile_id
      WHERE other.customer_id = person.customer_id AND first.enterprise_profile_id = ANY($1::uuid[])
        AND first.person_profile_id < link.person_profile_id
    )
  ORDER BY link.person_profile_id LIMIT $3
) AS link ORDER BY link.person_profile_id LIMIT $3
"""
LINKS = """
SELECT person.customer_id, link.enterprise_profile_id, link.person_profile_id, link.sealed, link.since, link.until,
  link.told_at
FROM fragment AS person JOIN contact_link AS link ON link.person_profile_id = person.profile_id
WHERE person.customer_id = ANY($2::uuid[]) AND link.enterprise_profile_id = ANY($1::uuid[])
"""
ENTERPRISES = """
SELECT enterprise.customer_id, customer.customer_number, link.enterprise_profile_id, link.person_profile_id,
  link.sealed, link.since, link.until, link.told_at
FROM contact_link AS link
JOIN fragment AS enterprise ON enterprise.profile_id = link.enterprise_profile_id
JOIN customer ON customer.customer_id = enterprise.customer_id
WHERE link.person_profile_id = ANY($1::uuid[]) ORDER BY link.since, link.enterprise_profile_id LIMIT $2
"""
UNDECLARED = """
SELECT name, channel, min(first_at) AS first_at, max(last_at) AS last_at, sum(times)::bigint AS times
FROM undeclared_field WHERE $1::text IS NULL OR (name, channel) > ($1, $2)
GROUP BY name, channel ORDER BY name, channel LIMIT $3
"""


class _Row(NamedTuple):
    enterprise_profile_id: UUID
    person_profile_id: UUID
    sealed: bytes | None
    since: datetime
    until: datetime | None
    told_at: datetime


class PostgresRecordReads(PostgresTraitReads):
    """The `RecordReads` port on one connection."""

    async def yearly(self, profile_ids: Collection[UUID], year: int, currency: str) -> YearlyAmount:
        """Return what fragments bought in a business year in one currency."""
        row = await self._connection.fetchrow(YEARLY, list(profile_ids), currency, year)
        return YearlyAmount(year, currency, row["purchases"], row["amount_minor"], row["complete"])

    async def marks(self, profile_ids: Collection[UUID]) -> Sequence[StoredMark]:
        """Return what sources gave last that is no identifier."""
        return [
            StoredMark(
                row["type"],
                row["channel"],
                msgspec.json.decode(
                    self._keyring.open(row["sealed"], invalid_aad(row["profile_id"], row["type"]))
                ),
                row["reason"],
                row["occurred_at"],
            )
            for row in await self._connection.fetch(MARKS, list(profile_ids))
        ]

    async def contacts(
        self, enterprise_ids: Collection[UUID], after: UUID, limit: int
    ) -> Sequence[tuple[UUID, Linked]]:
        """Return at most `limit` persons of an enterprise's fragments behind a fragment of theirs, with that."""
        rows = await self._connection.fetch(CONTACTS, list(enterprise_ids), after, limit)
        customers = [row["customer_id"] for row in rows]
        links: dict[UUID, list[_Row]] = {}
        for customer_id, *link in await self._connection.fetch(LINKS, list(enterprise_ids), customers):
            links.setdefault(customer_id, []).append(_Row(*link))
        return [
            (
                row["person_profile_id"],
                Linked(row["customer_id"], row["customer_number"], self._combine(links[row["customer_id"]])),
            )
            for row in rows
        ]

    async def enterprises(self, person_ids: Collection[UUID], limit: int) -> Sequence[Linked]:
        """Return at most `limit` links to enterprises of a person's fragments, joined by enterprise."""
        links: dict[tuple[UUID, str], list[_Row]] = {}
        for customer_id, number, *link in await self._connection.fetch(ENTERPRISES, list(person_ids), limit):
            links.setdefault((customer_id, number), []).append(_Row(*link))
        return [Linked(*customer, self._combine(rows)) for customer, rows in links.items()]

    async def undeclared(self, after: tuple[str, str] | None, limit: int) -> Sequence[UndeclaredField]:
        """Return at most `limit` fields that no purpose covered when they were told, behind a name and channel."""
        return [
            UndeclaredField(*row)
            for row in await self._connection.fetch(UNDECLARED, *(after or (None, None)), limit)
        ]

    def _combine(self, rows: Sequence[_Row]) -> StoredLink:
        """Return what the links of all fragments of one customer say together: the newest counts."""
        newest_first = sorted(rows, key=lambda row: (row.told_at, row.person_profile_id), reverse=True)
        role = next((self._role(row) for row in newest_first if row.sealed is not None), None)
        return StoredLink(role, min(row.since for row in rows), newest_first[0].until)

    def _role(self, row: _Row) -> str:
        assert row.sealed is not None
        aad = contact_aad(row.enterprise_profile_id, row.person_profile_id)
        return self._keyring.open(row.sealed, aad).decode()
