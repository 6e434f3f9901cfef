"""Reads of customers from PostgreSQL; what is sealed is opened here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from profile_service.adapters.case_store import PostgresCases
from profile_service.adapters.classification_reads import PostgresClassificationReads
from profile_service.adapters.consent_reads import PostgresConsentReads
from profile_service.adapters.record_reads import PostgresRecordReads
from profile_service.adapters.survey_store import PostgresSurveys
from profile_service.adapters.task_store import PostgresTasks
from profile_service.adapters.vault import read_identifier
from profile_service.application.read_ports import (
    CustomerNumber,
    StoredCustomer,
    StoredIdentifier,
    StoredScore,
    Totals,
)
from profile_service.domain.consents import Standing
from profile_service.domain.view import ActivitySum, CasesView, SatisfactionView, TasksView

CUSTOMER = """
SELECT customer.customer_id, customer.customer_number, customer.created_at, member.profile_id, member.version,
  member.view_base, member.kind, score.revision, score.computed_at, score.document
FROM fragment AS given
JOIN customer ON customer.customer_id = given.customer_id
JOIN fragment AS member ON member.customer_id = given.customer_id
LEFT JOIN customer_score AS score ON score.customer_id = member.profile_id
WHERE given.profile_id = $1 ORDER BY member.profile_id
"""
ACTIVITY = """
SELECT channel, currency, sum(touchpoints) AS touchpoints, sum(amount_minor) AS amount_minor,
  min(first_at) AS first_at, max(last_at) AS last_at
FROM activity WHERE profile_id = ANY($1::uuid[]) GROUP BY channel, currency ORDER BY channel, currency
"""
IDENTIFIERS = """
SELECT profile_id, type, hash, sealed, first_seen_at FROM identifier
WHERE profile_id = ANY($1::uuid[]) AND ($2::text IS NULL OR type = $2) ORDER BY first_seen_at, hash
"""
OWNER = """
SELECT customer_id, customer_number
FROM identifier JOIN fragment USING (profile_id) JOIN customer USING (customer_id) WHERE identifier.hash = $1
"""
NUMBERED = """
SELECT now.customer_id, now.customer_number
FROM customer AS given JOIN fragment ON profile_id = given.customer_id
JOIN customer AS now ON now.customer_id = fragment.customer_id WHERE given.customer_number = $1
"""
SIBLINGS = """
SELECT given.profile_id, given.customer_id, array_agg(member.profile_id ORDER BY member.profile_id) AS members
FROM fragment AS given JOIN fragment AS member USING (customer_id)
WHERE given.profile_id = ANY($1::uuid[]) GROUP BY given.profile_id
"""
TOTALS = """
SELECT coalesce(sum(fragments) - sum(merges), 0) AS customers, coalesce(sum(fragments), 0) AS fragments,
  coalesce(sum(touchpoints), 0) AS touchpoints, coalesce(sum(merges), 0) AS merges
FROM totals
"""


class PostgresCustomerReads(PostgresRecordReads, PostgresClassificationReads):
    """The `CustomerReads` port on one connection."""

    async def customer(self, profile_id: UUID) -> StoredCustomer | None:
        """Return the customer that a fragment, or a customer id ever given out, belongs to now."""
        rows = await self._connection.fetch(CUSTOMER, profile_id)
        if not rows:
            return None
        customer_id, customer_number, created_at = rows[0][:3]
        return StoredCustomer(
            customer_id,
            customer_number,
            created_at,
            {row["profile_id"]: row["version"] for row in rows},
            {
                row["profile_id"]: StoredScore(row["revision"], row["computed_at"], row["document"])
                for row in rows
                if row["revision"] is not None
            },
            rows[0]["kind"],
            max(row["view_base"] for row in rows),
        )

    async def activity(self, profile_ids: Collection[UUID]) -> Sequence[ActivitySum]:
        """Return the figures of fragments together, by channel and currency."""
        return [
            ActivitySum(
                row["channel"],
                row["currency"],
                int(row["touchpoints"]),
                int(row["amount_minor"]),
                row["first_at"],
                row["last_at"],
            )
            for row in await self._connection.fetch(ACTIVITY, list(profile_ids))
        ]

    async def identifiers(
        self, profile_ids: Collection[UUID], identifier_type: str | None = None
    ) -> Sequence[StoredIdentifier]:
        """Return identifiers, of one type or all, in the order they were first seen."""
        rows = await self._connection.fetch(IDENTIFIERS, list(profile_ids), identifier_type)
        return [
            StoredIdentifier(
                row["profile_id"],
                row["type"],
                read_identifier(self._keyring, row["sealed"], row["hash"]).value,
                row["first_seen_at"],
            )
            for row in rows
        ]

    async def consents(self, profile_ids: Collection[UUID]) -> Sequence[Standing]:
        """Return what was decided about each purpose and channel, by fragment."""
        return await PostgresConsentReads(self._connection, self._keyring).standings(profile_ids)

    async def cases(self, profile_ids: Collection[UUID]) -> CasesView | None:
        """Return the open cases of fragments; None where none was ever told."""
        return await PostgresCases(self._connection).read(profile_ids)

    async def tasks(self, profile_ids: Collection[UUID]) -> TasksView | None:
        """Return the open tasks of fragments; None where none was ever told."""
        return await PostgresTasks(self._connection).read(profile_ids)

    async def satisfaction(self, profile_ids: Collection[UUID]) -> SatisfactionView | None:
        """Return what fragments answered last and are asked now; None where none was ever asked."""
        return await PostgresSurveys(self._connection).read(profile_ids)

    async def owner(self, identifier_hash: bytes) -> CustomerNumber | None:
        """Return the customer an identifier belongs to."""
        row = await self._connection.fetchrow(OWNER, identifier_hash)
        return None if row is None else CustomerNumber(*row)

    async def numbered(self, customer_number: str) -> CustomerNumber | None:
        """Return the customer that has a number now: whoever absorbed the one that it was given to."""
        row = await self._connection.fetchrow(NUMBERED, customer_number)
        return None if row is None else CustomerNumber(*row)

    async def siblings(self, profile_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, list[UUID]]]:
        """Return by given id its customer and all fragments of that; unknown ids are absent."""
        rows = await self._connection.fetch(SIBLINGS, list(profile_ids))
        return {row["profile_id"]: (row["customer_id"], row["members"]) for row in rows}

    async def totals(self) -> Totals:
        """Return exact totals: the sum of one row per source partition."""
        row = await self._connection.fetchrow(TOTALS)
        return Totals(*(int(value) for value in row))
