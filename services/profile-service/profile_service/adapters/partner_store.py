"""Registered partners in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

REGISTER = """
INSERT INTO privacy_partner AS standing
  (partner_id, name, url, status_url, identifier_types, sealed_secret, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (name) DO UPDATE SET url = excluded.url, status_url = excluded.status_url,
  identifier_types = excluded.identifier_types, sealed_secret = excluded.sealed_secret,
  created_at = excluded.created_at, created_by = excluded.created_by, disabled_at = NULL
WHERE standing.disabled_at IS NOT NULL AND standing.partner_id = excluded.partner_id RETURNING true
"""
DISABLED = "SELECT partner_id FROM privacy_partner WHERE name = $1 AND disabled_at IS NOT NULL"
LIST = "SELECT * FROM privacy_partner ORDER BY name LIMIT 1000"
READ = "SELECT * FROM privacy_partner WHERE partner_id = $1"
DISABLE = """
UPDATE privacy_partner SET disabled_at = coalesce(disabled_at, $2) WHERE partner_id = $1 RETURNING *
"""


@dataclass(frozen=True, slots=True)
class StoredPartner:
    """A partner with its sealed secret."""

    partner_id: UUID
    name: str
    url: str
    status_url: str | None
    identifier_types: Sequence[str]
    sealed_secret: bytes
    created_at: datetime
    created_by: str
    disabled_at: datetime | None = None


class PostgresPartners:
    """Partners, within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def register(self, partner: StoredPartner) -> bool:
        """Store a partner, or one anew that was disabled; False when its name is taken."""
        is_new = await self._connection.fetchval(
            REGISTER,
            partner.partner_id,
            partner.name,
            partner.url,
            partner.status_url,
            list(partner.identifier_types),
            partner.sealed_secret,
            partner.created_at,
            partner.created_by,
        )
        return bool(is_new)

    async def disabled(self, name: str) -> UUID | None:
        """Return the id of a disabled partner by its name."""
        found: UUID | None = await self._connection.fetchval(DISABLED, name)
        return found

    async def list(self) -> Sequence[StoredPartner]:
        """Return all partners by name."""
        return [StoredPartner(**dict(row)) for row in await self._connection.fetch(LIST)]

    async def read(self, partner_id: UUID) -> StoredPartner | None:
        """Return a partner."""
        row = await self._connection.fetchrow(READ, partner_id)
        return None if row is None else StoredPartner(**dict(row))

    async def disable(self, partner_id: UUID, now: datetime) -> StoredPartner | None:
        """Tell a partner of no further erasures; None for an unknown one."""
        row = await self._connection.fetchrow(DISABLE, partner_id, now)
        return None if row is None else StoredPartner(**dict(row))
