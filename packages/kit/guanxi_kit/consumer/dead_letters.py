"""Records that can never be processed, kept with their reason: sealed, because a broken record may hold anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import asyncpg
import msgspec

from guanxi_contracts.envelope import ContractError
from guanxi_kit.consumer.unit import Poison
from guanxi_kit.crypto import Keyring
from guanxi_kit.log.port import Record, RecordTooLarge
from guanxi_kit.telemetry import METRICS

REASON_CHARACTERS = 300
MOST_MENTIONS = 100
HASH_BYTES = 16


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
        "INSERT INTO dead_letter"
        " (topic, partition, record_offset, record_key, sealed_value, reason, parked_at, mentions)"
        " SELECT t, p, o, k, v, r, $7, string_to_array(m, ' ')::bytea[] FROM"
        " unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[], $8::text[])"
        " AS u(t, p, o, k, v, r, m)"
        " ON CONFLICT (topic, partition, record_offset) DO NOTHING",
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [record.key for record in records],
        [keyring.seal(record.value, aad_of(record)) for record in records],
        [storable(letter.reason) for letter in letters],
        now,
        [" ".join(rf"\x{one.hex()}" for one in mentions_of(record.value)) or None for record in records],
    )
    for letter in letters:
        METRICS.dead_letters.labels(topic=letter.record.topic, reason=letter.kind).inc()


def storable(reason: str) -> str:
    """Return a reason as a column can hold it."""
    return reason.replace("\0", "\\0")


class _Identifier(msgspec.Struct):
    hash: bytes = b""


class _Data(msgspec.Struct):
    identifiers: list[_Identifier] = []


class _Named(msgspec.Struct):
    data: _Data


_NAMED = msgspec.json.Decoder(_Named).decode


def mentions_of(value: bytes) -> list[bytes]:
    """Return the keyed hashes of the identifiers that a record names, as far as it can be read at all.

    Its key is that of one of them only, so that an erasure by another one would not find it.
    """
    try:
        named = _NAMED(value).data.identifiers[:MOST_MENTIONS]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return [one.hash for one in named if len(one.hash) == HASH_BYTES]


def aad_of(record: Record) -> bytes:
    """What binds a sealed dead letter to its place."""
    return f"{record.topic}/{record.partition}/{record.offset}".encode()
