"""Who is erased, and the order between erasures and those who write facts of persons.

Whoever writes facts takes the lock shared, by asking `erased_among`; an erasure takes it alone. So an erasure sees
everything that was written before it, and whoever writes after it knows whom not to write about.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[Any]"

REMEMBER = """
INSERT INTO erased_fragment (profile_id, request_id, erased_at)
SELECT profile_id, $2, $3 FROM unnest($1::uuid[]) AS given (profile_id) ORDER BY profile_id
ON CONFLICT (profile_id) DO NOTHING
"""


async def erased_among(connection: Connection, profile_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return which of these fragments are erased; no other can become so before the open transaction ends."""
    rows = await connection.fetch("SELECT erased_among($1::uuid[])", list(profile_ids))
    return frozenset(row[0] for row in rows)


async def hold_off_erasures(connection: Connection) -> None:
    """Keep erasures waiting until the open transaction ends; who is there by then stays there."""
    await connection.execute("SELECT erased_among('{}')")


async def erase_alone(connection: Connection) -> None:
    """Wait until nobody is writing facts of persons, and keep others from it until the open transaction ends."""
    await connection.execute("SELECT erase_alone()")


async def remember_erased(
    connection: Connection, request_id: UUID, profile_ids: Collection[UUID], erased_at: datetime
) -> None:
    """Note for good that these fragments are erased."""
    await connection.execute(REMEMBER, list(profile_ids), request_id, erased_at)
