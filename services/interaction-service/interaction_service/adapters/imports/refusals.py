"""Refused rows in PostgreSQL, under seal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from interaction_service.application.imports.prepare_rows import RefusedRow

PAGE_SQL = """
SELECT row_number, sealed FROM import_refusal WHERE import_id = $1 AND row_number > $2 ORDER BY row_number LIMIT $3
"""
PAGE = 500
_COLUMNS = ("import_id", "row_number", "tombstones", "sealed")


class KeptRefusal(msgspec.Struct, frozen=True):
    """What is sealed of a refused row, as JSON."""

    field: str
    reason: str
    values: list[Any]


_ENCODE = msgspec.json.Encoder(enc_hook=str).encode
_DECODE = msgspec.json.Decoder(KeptRefusal).decode


def refusal_aad(import_id: UUID, row_number: int) -> bytes:
    """What binds a refused row to its place."""
    return b"import refusal\0" + import_id.bytes + row_number.to_bytes(8, "big")


async def keep_refusals(
    connection: asyncpg.Connection[Any], keyring: Keyring, import_id: UUID, refused: Sequence[RefusedRow]
) -> None:
    """Store refused rows in the open transaction."""
    records = [
        (
            import_id,
            one.number,
            one.tombstones,
            keyring.seal(
                _ENCODE(KeptRefusal(one.field, one.reason, list(one.values))),
                refusal_aad(import_id, one.number),
            ),
        )
        for one in refused
    ]
    await connection.copy_records_to_table("import_refusal", records=records, columns=_COLUMNS)


async def kept_refusals(
    database: Database, keyring: Keyring, import_id: UUID
) -> AsyncIterator[list[tuple[int, KeptRefusal]]]:
    """Yield pages of refused rows with their numbers, in the order of the file."""
    after = -1
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(PAGE_SQL, import_id, after, PAGE)
        if not rows:
            return
        yield [
            (
                row["row_number"],
                _DECODE(keyring.open(row["sealed"], refusal_aad(import_id, row["row_number"]))),
            )
            for row in rows
        ]
        after = rows[-1]["row_number"]
