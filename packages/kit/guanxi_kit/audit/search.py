"""Reads the audit: who saw a person's data, what somebody saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from guanxi_kit.audit.access import KeptAccess, Place
from guanxi_kit.audit.trail import reason_aad
from guanxi_kit.audit.verification import kept_access
from guanxi_kit.crypto import Keyring, SealBroken

FIRST = Place(datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1), (1 << 63) - 1)
"""The place before all others, the newest first."""
OF_PEOPLE = """
SELECT row.*, reason.sealed
FROM (
  SELECT DISTINCT named.at, named.chain_id, named.sequence
  FROM unnest($1::uuid[]) AS asked (profile_id)
  CROSS JOIN LATERAL (
    SELECT at, chain_id, sequence FROM access_person
    WHERE access_person.profile_id = asked.profile_id AND (at, chain_id, sequence) < ($2, $3::uuid, $4::bigint)
    ORDER BY at DESC, chain_id DESC, sequence DESC LIMIT $5
  ) AS named
  ORDER BY named.at DESC, named.chain_id DESC, named.sequence DESC LIMIT $5
) AS place
JOIN access_audit AS row USING (chain_id, sequence)
LEFT JOIN access_reason AS reason USING (chain_id, sequence)
ORDER BY row.at DESC, row.chain_id DESC, row.sequence DESC
"""
OF_SUBJECT = """
SELECT row.*, reason.sealed
FROM (
  SELECT * FROM access_audit WHERE subject = $1 AND (at, chain_id, sequence) < ($2, $3::uuid, $4::bigint)
  ORDER BY at DESC, chain_id DESC, sequence DESC LIMIT $5
) AS row
LEFT JOIN access_reason AS reason USING (chain_id, sequence)
ORDER BY row.at DESC, row.chain_id DESC, row.sequence DESC
"""


class FoundAccess(NamedTuple):
    """An access with its reason in clear; None when none was stated or no key opens it."""

    access: KeptAccess
    reason: str | None


async def accesses_of_people(
    connection: asyncpg.Connection[Any],
    keyring: Keyring,
    people: Sequence[UUID],
    *,
    after: Place = FIRST,
    limit: int,
) -> list[FoundAccess]:
    """Return accesses that showed any of these fragments, the newest first, from behind `after`."""
    rows = await connection.fetch(OF_PEOPLE, list(people), after.at, after.chain_id, after.sequence, limit)
    return [_found(row, keyring) for row in rows]


async def accesses_of_subject(
    connection: asyncpg.Connection[Any], keyring: Keyring, subject: str, *, after: Place = FIRST, limit: int
) -> list[FoundAccess]:
    """Return accesses by somebody, the newest first, from behind `after`."""
    rows = await connection.fetch(OF_SUBJECT, subject, after.at, after.chain_id, after.sequence, limit)
    return [_found(row, keyring) for row in rows]


def _found(row: asyncpg.Record, keyring: Keyring) -> FoundAccess:
    reason = None
    if row["sealed"] is not None:
        try:
            reason = keyring.open(row["sealed"], reason_aad(row["chain_id"], row["sequence"])).decode()
        except SealBroken:
            reason = None
    return FoundAccess(kept_access(row), reason)
