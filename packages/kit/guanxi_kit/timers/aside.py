"""Timers that were set aside because their handler failed, as operators ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[Any]"

PAGE = """
SELECT kind, key, name, due_at, failed_at, reason AS fault FROM timer
WHERE failed_at IS NOT NULL AND ($1::text IS NULL OR kind = $1)
  AND ($2::timestamptz IS NULL OR (failed_at, kind, key, name) < ($2, $3::text, $4::uuid, $5::text))
ORDER BY failed_at DESC, kind DESC, key DESC, name DESC LIMIT $6
"""
# A loop that takes a timer removes it with its effect: what is given another turn twice fires once.
RETRY = """
UPDATE timer SET failed_at = NULL, turn_at = $4
WHERE failed_at IS NOT NULL AND kind = $1 AND ($2::uuid IS NULL OR key = $2) AND ($3::text IS NULL OR name = $3)
"""
DROP = """
DELETE FROM timer
WHERE failed_at IS NOT NULL AND kind = $1 AND ($2::uuid IS NULL OR key = $2) AND ($3::text IS NULL OR name = $3)
"""


class TimerAside(NamedTuple):
    """A timer that is out of the turn. `fault` says why it could not be fired."""

    kind: str
    key: UUID
    name: str
    due_at: datetime
    failed_at: datetime
    fault: str | None

    @property
    def place(self) -> AsidePlace:
        """Where it stands in the list."""
        return AsidePlace(self.failed_at, self.kind, self.key, self.name)


class AsidePlace(NamedTuple):
    """Where a timer stands in the list, the newest first."""

    failed_at: datetime
    kind: str
    key: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Asides:
    """Which timers: all of a kind, those about a key, or the one of a name."""

    kind: str
    key: UUID | None = None
    name: str | None = None


async def page_of_asides(
    connection: Connection, kind: str | None, *, after: AsidePlace | None, limit: int
) -> list[TimerAside]:
    """Return timers that were set aside, the newest first, behind the place `after`."""
    rows = await connection.fetch(PAGE, kind, *(after or (None,) * 4), limit)
    return [TimerAside(*row) for row in rows]


async def retry_asides(connection: Connection, asides: Asides, now: datetime) -> int:
    """Give timers another turn now; return how many they were."""
    return _rows(await connection.execute(RETRY, asides.kind, asides.key, asides.name, now))


async def drop_asides(connection: Connection, asides: Asides) -> int:
    """Remove timers without effect; return how many they were."""
    return _rows(await connection.execute(DROP, asides.kind, asides.key, asides.name))


def _rows(status: str) -> int:
    return int(status.rpartition(" ")[2])
