"""Dead letters in PostgreSQL, as operators ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import asyncpg

from guanxi_kit.consumer.dead_letters import aad_of, mentions_of, storable
from guanxi_kit.crypto import Keyring
from guanxi_kit.log.port import Record

Connection: TypeAlias = "asyncpg.Connection[Any]"

MOST_KINDS = 500

PAGE = """
SELECT id, topic, partition, record_offset, reason, failures, parked_at, failed_at FROM dead_letter
WHERE ($1::text IS NULL OR topic = $1) AND ($2::text IS NULL OR reason = $2) AND ($3::bigint IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""
READ = """
SELECT id, topic, partition, record_offset, reason, failures, parked_at, failed_at, record_key, sealed_value
FROM dead_letter WHERE id = $1
"""
NEXT = """
SELECT id, topic, partition, record_offset, reason, failures, parked_at, failed_at, record_key, sealed_value
FROM dead_letter
WHERE ($1::bigint IS NULL OR id = $1) AND ($2::text IS NULL OR topic = $2) AND ($3::text IS NULL OR reason = $3)
  AND id > $4 AND id <= $5
ORDER BY id LIMIT 1
"""
EXTENT = """
SELECT count(*) AS letters, coalesce(max(id), 0) AS last FROM dead_letter
WHERE ($1::bigint IS NULL OR id = $1) AND ($2::text IS NULL OR topic = $2) AND ($3::text IS NULL OR reason = $3)
"""
REMOVE = """
DELETE FROM dead_letter
WHERE ($1::bigint IS NULL OR id = $1) AND ($2::text IS NULL OR topic = $2) AND ($3::text IS NULL OR reason = $3)
"""
REMOVE_ONE = "DELETE FROM dead_letter WHERE id = $1 AND sealed_value = $2"
IS_THERE = "SELECT EXISTS (SELECT FROM dead_letter WHERE id = $1)"
MEND = "UPDATE dead_letter SET sealed_value = $2, mentions = $3 WHERE id = $1"
KINDS = """
SELECT topic, reason AS fault, count(*) AS letters, min(parked_at) AS oldest_at, max(parked_at) AS newest_at
FROM dead_letter GROUP BY topic, reason ORDER BY count(*) DESC, topic, reason LIMIT $1
"""
FAIL = "UPDATE dead_letter SET reason = $2, failures = failures + 1, failed_at = $3 WHERE id = $1 AND sealed_value = $4"


class Letter(NamedTuple):
    """A record that could not be processed. `fault` says why the last time, `failures` how often."""

    letter_id: int
    topic: str
    partition: int
    offset: int
    fault: str
    failures: int
    parked_at: datetime
    failed_at: datetime | None

    @property
    def place(self) -> str:
        """Where it stands in the log."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class SealedLetter(NamedTuple):
    """A letter with its record, still under seal."""

    letter: Letter
    key: bytes
    sealed: bytes

    def record(self, keyring: Keyring) -> Record:
        """Return the record as it was read, without its headers. Raises SealBroken."""
        letter = self.letter
        parked_ms = round(letter.parked_at.timestamp() * 1000)
        empty = Record(letter.topic, letter.partition, letter.offset, self.key, b"", (), parked_ms)
        return empty._replace(value=keyring.open(self.sealed, aad_of(empty)))


class LetterKind(NamedTuple):
    """Letters of one topic with one fault."""

    topic: str
    fault: str
    letters: int
    oldest_at: datetime
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class Letters:
    """Which letters: the one of an id, or all of a fault and a topic; None leaves open."""

    letter_id: int | None = None
    topic: str | None = None
    fault: str | None = None

    @property
    def asked(self) -> tuple[int | None, str | None, str | None]:
        """Parameters of the statements here."""
        return self.letter_id, self.topic, self.fault

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Letters:
        """Read what `params` wrote."""
        return cls(params["letter_id"], params["topic"], params["fault"])

    def params(self) -> dict[str, Any]:
        """Return them as JSON."""
        return {"letter_id": self.letter_id, "topic": self.topic, "fault": self.fault}


async def page_of_letters(
    connection: Connection, topic: str | None, fault: str | None, *, before: int | None, limit: int
) -> list[Letter]:
    """Return letters, the newest first; `before` is the id of the last one of the page before."""
    return [Letter(*row) for row in await connection.fetch(PAGE, topic, fault, before, limit)]


async def kinds_of_letters(connection: Connection) -> Sequence[LetterKind]:
    """Return how many letters there are by topic and fault, the most frequent first."""
    return [LetterKind(*row) for row in await connection.fetch(KINDS, MOST_KINDS)]


async def read_letter(connection: Connection, letter_id: int, *, locked: bool = False) -> SealedLetter | None:
    """Return one letter, and (`locked`) keep it as it is until the transaction ends."""
    return _sealed(await connection.fetchrow(f"{READ} FOR UPDATE" if locked else READ, letter_id))


async def mend_letter(connection: Connection, keyring: Keyring, letter_id: int, record: Record) -> None:
    """Let a letter hold this record of its place; erasures find it by whom it names, as before."""
    sealed = keyring.seal(record.value, aad_of(record))
    await connection.execute(MEND, letter_id, sealed, mentions_of(record.value) or None)


async def next_letter(
    connection: Connection, letters: Letters, *, after: int, until: int
) -> SealedLetter | None:
    """Return the first of some letters behind the id `after`, up to the id `until`."""
    return _sealed(await connection.fetchrow(NEXT, *letters.asked, after, until))


async def extent_of(connection: Connection, letters: Letters) -> tuple[int, int]:
    """Return how many there are and the id of the last; (0, 0) when there are none."""
    row = await connection.fetchrow(EXTENT, *letters.asked)
    return row["letters"], row["last"]


async def remove_letters(connection: Connection, letters: Letters) -> int:
    """Remove letters and return how many they were; of two who remove one only the first counts it."""
    status = await connection.execute(REMOVE, *letters.asked)
    return int(status.rpartition(" ")[2])


async def remove_letter(connection: Connection, found: SealedLetter) -> bool:
    """Remove one letter; False when it is gone, or no longer what was found."""
    status = await connection.execute(REMOVE_ONE, found.letter.letter_id, found.sealed)
    return bool(status == "DELETE 1")


async def keep_failed(connection: Connection, found: SealedLetter, fault: str, now: datetime) -> bool:
    """Note that a letter failed again; False when it is gone, or no longer what was found."""
    status = await connection.execute(FAIL, found.letter.letter_id, storable(fault), now, found.sealed)
    return bool(status == "UPDATE 1")


async def is_there(connection: Connection, letter_id: int) -> bool:
    """Tell whether a letter is there, whatever it holds."""
    return bool(await connection.fetchval(IS_THERE, letter_id))


def _sealed(row: asyncpg.Record | None) -> SealedLetter | None:
    if row is None:
        return None
    *letter, key, sealed = row
    return SealedLetter(Letter(*letter), key, sealed)
