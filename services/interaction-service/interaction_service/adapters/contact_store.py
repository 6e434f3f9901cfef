"""Contacts in PostgreSQL: written within one transaction, and read by keyset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from interaction_service.adapters.task_rows import CONTACT_COLUMNS, contact_aad, contact_of, opened
from interaction_service.domain.contacts import Contact

ADD = """
INSERT INTO contact_record (contact_id, profile_id, kind, direction, at, recorded_at, actor, seconds, staff, case_id,
  task_id, corrects, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (contact_id) DO NOTHING RETURNING contact_id
"""
FIND = "SELECT * FROM contact_record WHERE contact_id = $1 FOR UPDATE"
CORRECTION = "SELECT contact_id FROM contact_record WHERE corrects = $1"
CORRECTED = "SELECT corrects FROM contact_record WHERE corrects = ANY($1::uuid[])"
# Corrected ones are left out unless asked for; there are few of them.
PAGE = """
SELECT record.*, correction.contact_id AS corrected_by, member.customer_id FROM contact_record AS record
LEFT JOIN contact_record AS correction ON correction.corrects = record.contact_id
LEFT JOIN membership AS member ON member.profile_id = record.profile_id
WHERE record.profile_id = ANY($1::uuid[]) AND ($2 OR correction.contact_id IS NULL)
  AND (record.at, record.contact_id) < ($3, $4)
ORDER BY record.at DESC, record.contact_id DESC LIMIT $5
"""


class PostgresContacts:
    """The `ContactStore` port and reads, over one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def add(self, contact: Contact, said: Mapping[str, Any]) -> bool:
        """Write a new contact; False, and nothing is written, where there is one with its id."""
        sealed = self._keyring.seal(msgspec.json.encode(said), contact_aad(contact.contact_id))
        values = [getattr(contact, name) for name in CONTACT_COLUMNS]
        return await self._connection.fetchval(ADD, *values, sealed) is not None

    async def find(self, contact_id: UUID) -> Contact | None:
        """Return a contact, locked until the transaction ends."""
        row = await self._connection.fetchrow(FIND, contact_id)
        return None if row is None else contact_of(row)

    async def correction_of(self, contact_id: UUID) -> UUID | None:
        """Return the record that stands in place of this one."""
        found: UUID | None = await self._connection.fetchval(CORRECTION, contact_id)
        return found

    async def corrected(self, contact_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these records that others stand in place of."""
        return {row["corrects"] for row in await self._connection.fetch(CORRECTED, list(contact_ids))}

    async def page(
        self,
        profile_ids: Sequence[UUID],
        limit: int,
        behind: tuple[datetime, UUID],
        *,
        corrected: bool = False,
    ) -> list[asyncpg.Record]:
        """Return contacts of fragments, the newest first; `corrected`: with those that others stand in place of."""
        return list(await self._connection.fetch(PAGE, list(profile_ids), corrected, *behind, limit))

    def said(self, row: asyncpg.Record) -> dict[str, Any] | None:
        """Return what was said; None when no key of this installation opens it."""
        return opened(self._keyring, row["sealed"], contact_aad(row["contact_id"]))
