"""Uploaded files in PostgreSQL: sealed chunks of one size, and what is known of each file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.jobs import Job, read_job
from interaction_service.application.imports.document import FileDocument, Import
from interaction_service.domain.imports.limits import CHUNK_BYTES

Connection: TypeAlias = "asyncpg.Connection[Any]"
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(FileDocument).decode

BEGIN = "INSERT INTO import_file (import_id, uploaded_by, uploaded_at) VALUES ($1, $2, $3)"
ADD = """
INSERT INTO import_chunk (import_id, number, sealed)
SELECT $1, number, sealed FROM unnest($2::int[], $3::bytea[]) AS given (number, sealed)
"""
FINISH = "UPDATE import_file SET complete = true, size = $2, sealed = $3 WHERE import_id = $1"
FIND = """
SELECT import_id, uploaded_by, uploaded_at, size, job_id, sealed FROM import_file WHERE complete AND import_id = $1
"""
LIST = """
SELECT import_id, uploaded_by, uploaded_at, size, job_id, sealed FROM import_file
WHERE complete AND ($1::timestamptz IS NULL OR (uploaded_at, import_id) < ($1, $2::uuid))
ORDER BY uploaded_at DESC, import_id DESC LIMIT $3
"""
CHUNKS = "SELECT number, sealed FROM import_chunk WHERE import_id = $1 AND number BETWEEN $2 AND $3 ORDER BY number"
LOCK = FIND + " FOR UPDATE"
DESCRIBE = "UPDATE import_file SET sealed = $2 WHERE import_id = $1"
START = "UPDATE import_file SET job_id = $2 WHERE import_id = $1"


class FileGone(Exception):
    """The file was taken away: its import has ended, or took longer than it may."""


def chunk_aad(import_id: UUID, number: int) -> bytes:
    """What binds a chunk to its place."""
    return b"import chunk\0" + import_id.bytes + number.to_bytes(4, "big")


def document_aad(import_id: UUID) -> bytes:
    """What binds what is known of a file to it."""
    return b"import file\0" + import_id.bytes


class SealedFile:
    """Reads an uploaded file from its chunks."""

    def __init__(self, database: Database, keyring: Keyring, import_id: UUID, size: int) -> None:
        self.size = size
        self._database = database
        self._keyring = keyring
        self._import_id = import_id

    async def read(self, start: int, length: int) -> bytes:
        """Return bytes from `start`, fewer at the end of the file. Raises FileGone."""
        end = min(start + length, self.size)
        if start >= end:
            return b""
        first, last = start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        async with self._database.connection() as connection:
            rows = await connection.fetch(CHUNKS, self._import_id, first, last)
        if len(rows) != last - first + 1:
            raise FileGone
        whole = b"".join(
            self._keyring.open(row["sealed"], chunk_aad(self._import_id, row["number"])) for row in rows
        )
        return whole[start - first * CHUNK_BYTES : end - first * CHUNK_BYTES]


class FileStore:
    """Keeps uploaded files."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def begin(self, import_id: UUID, uploaded_by: str, now: datetime) -> None:
        """Have a file whose chunks are to come."""
        async with self._database.transaction() as connection:
            await connection.execute(BEGIN, import_id, uploaded_by, now)

    async def add(self, import_id: UUID, first: int, chunks: Sequence[bytes]) -> None:
        """Store the next chunks; all but the last of a file have CHUNK_BYTES."""
        numbers = list(range(first, first + len(chunks)))
        sealed = [
            self._keyring.seal(chunk, chunk_aad(import_id, number))
            for number, chunk in zip(numbers, chunks, strict=True)
        ]
        async with self._database.transaction() as connection:
            await connection.execute(ADD, import_id, numbers, sealed)

    async def finish(self, import_id: UUID, size: int, document: FileDocument) -> None:
        """Say that a file is complete."""
        async with self._database.transaction() as connection:
            await connection.execute(FINISH, import_id, size, self._seal(import_id, document))

    async def drop(self, import_id: UUID) -> None:
        """Forget a file whose upload came to nothing."""
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM import_chunk WHERE import_id = $1", import_id)
            await connection.execute("DELETE FROM import_file WHERE import_id = $1", import_id)

    def open(self, import_id: UUID, size: int) -> SealedFile:
        """Return the file to read."""
        return SealedFile(self._database, self._keyring, import_id, size)

    async def find(self, import_id: UUID) -> Import | None:
        """Return an import by its id."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(FIND, import_id)
            return None if row is None else await self._import(connection, row)

    async def lock(self, connection: Connection, import_id: UUID) -> Import | None:
        """Return an import that nobody else changes before the open transaction ends."""
        row = await connection.fetchrow(LOCK, import_id)
        return None if row is None else await self._import(connection, row)

    async def describe(self, connection: Connection, import_id: UUID, document: FileDocument) -> None:
        """Store what is known of a file, anew."""
        await connection.execute(DESCRIBE, import_id, self._seal(import_id, document))

    async def start(self, connection: Connection, import_id: UUID, job_id: UUID) -> None:
        """Say which job carries an import out."""
        await connection.execute(START, import_id, job_id)

    async def list(self, limit: int, before: tuple[datetime, UUID] | None) -> Sequence[Import]:
        """Return imports, the newest first; `before` is (uploaded_at, import_id) of the last of the page before."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(LIST, *(before or (None, None)), limit)
            return [await self._import(connection, row) for row in rows]

    async def _import(self, connection: Connection, row: asyncpg.Record) -> Import:
        job: Job | None = None if row["job_id"] is None else await read_job(connection, row["job_id"])
        plain = self._keyring.open(row["sealed"], document_aad(row["import_id"]))
        return Import(
            row["import_id"], row["uploaded_by"], row["uploaded_at"], row["size"], _DECODE(plain), job
        )

    def _seal(self, import_id: UUID, document: FileDocument) -> bytes:
        return self._keyring.seal(_ENCODE(document), document_aad(import_id))
