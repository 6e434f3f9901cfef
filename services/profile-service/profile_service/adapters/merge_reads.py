"""Reads of the merge journal and of what holds a customer together, from PostgreSQL; values are masked here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.masking import mask_identifier
from profile_service.adapters.vault import read_identifier
from profile_service.application.explain_customer import (
    Evidence,
    ExplainedFragment,
    HeldIdentifier,
    JournalEntry,
    Undo,
)

CUSTOMER = "SELECT customer_id FROM fragment WHERE profile_id = $1"
FRAGMENTS = "SELECT profile_id, founded_at FROM fragment WHERE customer_id = $1 ORDER BY profile_id"
IDENTIFIERS = """
SELECT profile_id, type, hash, sealed, first_seen_at, touchpoint_id, verified_at, quarantined_at FROM identifier
WHERE profile_id = ANY($1::uuid[]) ORDER BY first_seen_at, hash
"""
LABELS = "SELECT hash, type, sealed FROM identifier WHERE hash = ANY($1::bytea[])"
ENTRY = """
SELECT merge_id, customer_id, absorbed_customer_id, home_profile_id, owner_profile_id, rule, identifier_type,
  identifier_hash, strongest_hash, touchpoint_id, merged_at, actor, reason, undone_at, undone_by, undo_reason
FROM merge_journal
"""
ONE = ENTRY + "WHERE merge_id = $1"
# Within one customer the home of an edge finds all that hold.
AMONG = ENTRY + "WHERE home_profile_id = ANY($1::uuid[]) AND undone_at IS NULL ORDER BY merged_at, merge_id"
PAGE = (
    ENTRY
    + """
WHERE $1::timestamptz IS NULL OR (merged_at, merge_id) < ($1, $2::uuid)
ORDER BY merged_at DESC, merge_id DESC LIMIT $3
"""
)
# What was undone is found by its block, which keeps the ends of the edge. Both sets are small: one customer's.
OF_CUSTOMER = """
SELECT merge_id FROM merge_journal JOIN fragment ON profile_id = home_profile_id
WHERE fragment.customer_id = $1 AND undone_at IS NULL
UNION SELECT block_id FROM link_block JOIN fragment ON profile_id = left_profile_id WHERE customer_id = $1
UNION SELECT block_id FROM link_block JOIN fragment ON profile_id = right_profile_id WHERE customer_id = $1
"""
PAGE_OF = (
    ENTRY
    + """
WHERE merge_id = ANY($4::uuid[]) AND ($1::timestamptz IS NULL OR (merged_at, merge_id) < ($1, $2::uuid))
ORDER BY merged_at DESC, merge_id DESC LIMIT $3
"""
)


class PostgresMergeReads:
    """The `ExplanationReads` port, and pages of the journal, on one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def customer_of(self, profile_id: UUID) -> UUID | None:
        """Return the customer that an id ever given out means now."""
        found: UUID | None = await self._connection.fetchval(CUSTOMER, profile_id)
        return found

    async def fragments(self, customer_id: UUID) -> Sequence[ExplainedFragment]:
        """Return the fragments of a customer with their identifiers, oldest first."""
        rows = await self._connection.fetch(FRAGMENTS, customer_id)
        held: defaultdict[UUID, list[HeldIdentifier]] = defaultdict(list)
        for row in await self._connection.fetch(IDENTIFIERS, [row["profile_id"] for row in rows]):
            held[row["profile_id"]].append(
                HeldIdentifier(
                    row["type"],
                    self._masked(row),
                    row["first_seen_at"],
                    row["touchpoint_id"],
                    row["verified_at"] is not None,
                    row["quarantined_at"] is not None,
                )
            )
        return [
            ExplainedFragment(row["profile_id"], row["founded_at"], held[row["profile_id"]]) for row in rows
        ]

    async def merges_among(self, profile_ids: Collection[UUID]) -> Sequence[JournalEntry]:
        """Return the merges that hold among all fragments of a customer, oldest first."""
        return await self._entries(await self._connection.fetch(AMONG, list(profile_ids)))

    async def merge(self, merge_id: UUID) -> JournalEntry | None:
        """Return one merge of the journal."""
        entries = await self._entries(await self._connection.fetch(ONE, merge_id))
        return entries[0] if entries else None

    async def page(
        self, customer_id: UUID | None, *, limit: int, before: tuple[datetime, UUID] | None
    ) -> Sequence[JournalEntry]:
        """Return merges, the newest first: all, or those that hold or held among one customer's fragments.

        `before` is (merged_at, merge_id) of the last one of the page before.
        """
        at, merge_id = before or (None, None)
        if customer_id is None:
            return await self._entries(await self._connection.fetch(PAGE, at, merge_id, limit))
        merge_ids = [row[0] for row in await self._connection.fetch(OF_CUSTOMER, customer_id)]
        return await self._entries(await self._connection.fetch(PAGE_OF, at, merge_id, limit, merge_ids))

    async def _entries(self, rows: Sequence[asyncpg.Record]) -> list[JournalEntry]:
        hashes = {row[name] for row in rows for name in ("identifier_hash", "strongest_hash") if row[name]}
        labels = {
            row["hash"]: Evidence(row["type"], self._masked(row))
            for row in await self._connection.fetch(LABELS, list(hashes))
        }
        return [_entry(row, labels) for row in rows]

    def _masked(self, row: asyncpg.Record) -> str:
        return mask_identifier(row["type"], read_identifier(self._keyring, row["sealed"], row["hash"]).value)


def _entry(row: asyncpg.Record, labels: dict[bytes, Evidence]) -> JournalEntry:
    by_touchpoint = row["rule"] == "identifier"
    unknown = Evidence(row["identifier_type"], None)
    return JournalEntry(
        merge_id=row["merge_id"],
        customer_id=row["customer_id"],
        absorbed_customer_id=row["absorbed_customer_id"],
        home_profile_id=row["home_profile_id"],
        owner_profile_id=row["owner_profile_id"],
        rule=row["rule"],
        identifier=labels.get(row["identifier_hash"], unknown) if by_touchpoint else None,
        strongest=labels.get(row["strongest_hash"]) if row["strongest_hash"] else None,
        touchpoint_id=row["touchpoint_id"] if by_touchpoint else None,
        merged_at=row["merged_at"],
        actor=row["actor"],
        reason=row["reason"],
        undone=(
            None if row["undone_at"] is None else Undo(row["undone_at"], row["undone_by"], row["undo_reason"])
        ),
    )
