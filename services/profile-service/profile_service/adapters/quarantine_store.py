"""The quarantine in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from guanxi_kit.crypto import Keyring
from guanxi_kit.masking import mask_identifier
from profile_service.adapters.structure_store import PostgresStructure
from profile_service.adapters.vault import read_identifier
from profile_service.application.merge_ports import Decision
from profile_service.application.quarantine import HeldValue, Quarantined

HELD = """
SELECT profile_id, quarantined_at, (
  SELECT former_profile_id FROM identifier_event AS event
  WHERE event.hash = identifier.hash AND kind = 'quarantined' ORDER BY at DESC LIMIT 1)
FROM identifier WHERE hash = $1
"""
PAGE = """
SELECT identifier.hash, type, sealed, quarantined_at, shut.reason, shut.actor, profile_id, former_profile_id,
  shut.touchpoint_id
FROM identifier LEFT JOIN LATERAL (
  SELECT former_profile_id, touchpoint_id, reason, actor FROM identifier_event AS event
  WHERE event.hash = identifier.hash AND kind = 'quarantined' ORDER BY at DESC LIMIT 1) AS shut ON true
WHERE quarantined_at IS NOT NULL
  AND ($1::timestamptz IS NULL OR (quarantined_at, identifier.hash) < ($1, $2::bytea))
ORDER BY quarantined_at DESC, identifier.hash DESC LIMIT $3
"""
SHUT = """
UPDATE identifier SET quarantined_at = $3, profile_id = NULL, verified_at = NULL
WHERE hash = $1 AND profile_id = $2 AND quarantined_at IS NULL
"""
RELEASE = """
UPDATE identifier SET quarantined_at = NULL, profile_id = $4
WHERE hash = $1 AND profile_id IS NOT DISTINCT FROM $2 AND quarantined_at = $3
"""
FORGET = """
DELETE FROM identifier WHERE hash = $1 AND profile_id IS NOT DISTINCT FROM $2 AND quarantined_at = $3
"""
REMEMBER = """
INSERT INTO identifier_event (hash, at, kind, profile_id, former_profile_id, reason, actor)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""


class IdentifierChanged(asyncpg.SerializationError):  # type: ignore[misc]
    """Another transaction changed the identifier first: a serialization failure, to be worked again."""


class PostgresQuarantine(PostgresStructure):
    """The `Quarantine` port within the transaction of one connection."""

    def __init__(self, connection: asyncpg.Connection[Any], keyring: Keyring) -> None:
        super().__init__(connection)
        self._keyring = keyring

    async def held(self, identifier_hash: bytes) -> HeldValue | None:
        """Return how an identifier stands; None when it was never seen."""
        row = await self._connection.fetchrow(HELD, identifier_hash)
        return None if row is None else HeldValue(*row)

    async def shut(self, identifier_hash: bytes, held: HeldValue, decision: Decision) -> None:
        """Put an identifier into quarantine. Raises IdentifierChanged when it stands otherwise than `held`."""
        await self._change(SHUT, identifier_hash, held.profile_id, decision.at)
        await self.show_anew([held.profile_id] if held.profile_id else [])
        await self._remember(identifier_hash, "quarantined", None, held.profile_id, decision)

    async def release(
        self, identifier_hash: bytes, held: HeldValue, owner: UUID | None, decision: Decision
    ) -> None:
        """Give an identifier to its owner, or forget it when it has none. Raises IdentifierChanged."""
        standing = (identifier_hash, held.profile_id, held.quarantined_at)
        if owner is None:
            await self._change(FORGET, *standing)
        else:
            await self._change(RELEASE, *standing, owner)
            await self.show_anew([owner])
        await self._remember(identifier_hash, "released", owner, held.profile_id, decision)

    async def page(self, *, limit: int, before: tuple[datetime, bytes] | None) -> Sequence[Quarantined]:
        """Return what is in quarantine, the newest first; `before` is the place of the last one of the page before."""
        at, last = before or (None, None)
        return [
            Quarantined(
                row["hash"].hex(),
                row["type"],
                mask_identifier(
                    row["type"], read_identifier(self._keyring, row["sealed"], row["hash"]).value
                ),
                *row[3:],
            )
            for row in await self._connection.fetch(PAGE, at, last, limit)
        ]

    async def _change(self, statement: str, *arguments: Any) -> None:
        done: str = await self._connection.execute(statement, *arguments)
        if not done.endswith(" 1"):
            raise IdentifierChanged("the identifier stands otherwise by now")

    async def _remember(
        self,
        identifier_hash: bytes,
        kind: str,
        profile_id: UUID | None,
        former: UUID | None,
        decision: Decision,
    ) -> None:
        await self._connection.execute(
            REMEMBER, identifier_hash, decision.at, kind, profile_id, former, decision.reason, decision.actor
        )
