"""Records that can never be processed, kept with their reason: sealed, because a broken record may hold anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import asyncpg

from guanxi_contracts.envelope import ContractError
from guanxi_kit.consumer.unit import Poison
from guanxi_kit.crypto import Keyring
from guanxi_kit.log.port import Record, RecordTooLarge
from guanxi_kit.telemetry import METRICS

REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record to park. `kind` is `unreadable` (no event we know) or `refused` (its effect failed)."""

    record: Record
    reason: str
    kind: Literal["unreadable", "refused"]


def reason_of(error: BaseException) -> str:
    """Describe an error without values, which might be personal."""
    if isinstance(error, ContractError | Poison | RecordTooLarge):
        return str(error)[:REASON_CHARACTERS]
    if isinstance(error, asyncpg.PostgresError):
        constraint = getattr(error, "constraint_name", None)
        return f"{type(error).__name__} {error.sqlstate}" + (f" on {constraint}" if constraint else "")
    return type(error).__name__


async def park(
    connection: asyncpg.Connection[Any], letters: Sequence[DeadLetter], *, keyring: Keyring, now: datetime
) -> None:
    """Insert dead letters in the current transaction; one that is already there stays as it is."""
    if not letters:
        return
    records = [letter.record for letter in letters]
    await connection.execute(
        "INSERT INTO dead_letter (topic, partition, record_offset, record_key, sealed_value, reason, parked_at)"
        " SELECT t, p, o, k, v, r, $7 FROM"
        " unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[]) AS u(t, p, o, k, v, r)"
        " ON CONFLICT (topic, partition, record_offset) DO NOTHING",
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [record.key for record in records],
        [keyring.seal(record.value, aad_of(record)) for record in records],
        [letter.reason.replace("\0", "\\0") for letter in letters],
        now,
    )
    for letter in letters:
        METRICS.dead_letters.labels(topic=letter.record.topic, reason=letter.kind).inc()


def aad_of(record: Record) -> bytes:
    """What binds a sealed dead letter to its place."""
    return f"{record.topic}/{record.partition}/{record.offset}".encode()
