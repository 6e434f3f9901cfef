"""Takes the body of an upload in as it comes: never more than a megabyte of it is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID, uuid4

from starlette.requests import ClientDisconnect

from guanxi_kit.app.slow_bodies import in_time
from guanxi_kit.errors import Problem
from interaction_service.adapters.imports.file_store import FileStore
from interaction_service.adapters.imports.looking import Asked, look_at
from interaction_service.domain.imports.limits import CHUNK_BYTES
from interaction_service.domain.imports.sniffing import NotImportable, Utf8Watch, kind_of
from interaction_service.domain.imports.targets import Declared

AT_ONCE = 16
"""Chunks that are stored together."""


class Uploads:
    """Receives uploads, `most` at a time."""

    def __init__(self, store: FileStore, declared: Declared, *, most: int, max_bytes: int) -> None:
        self.store = store
        self.declared = declared
        self._left = most
        self._max_bytes = max_bytes

    async def receive(
        self, body: AsyncIterator[bytes], name: str, asked: Asked, *, uploaded_by: str, now: datetime
    ) -> UUID:
        """Store an upload and find out what it is. Raises Problem; what is left of a failed one goes."""
        if self._left <= 0:
            raise Problem(
                503,
                detail="Too many files are being uploaded.",
                type="urn:guanxi:problem:overloaded",
                headers={"Retry-After": "10"},
            )
        self._left -= 1
        import_id = uuid4()
        try:
            await self.store.begin(import_id, uploaded_by, now)
            received = _Received(self.store, import_id, self._max_bytes)
            async for piece in in_time(body):
                await received.take(piece)
            await received.finish()
            await self._describe(import_id, received, name, asked)
        except BaseException as error:
            await asyncio.shield(self.store.drop(import_id))
            if isinstance(error, NotImportable):
                raise Problem(
                    400, detail=f"The file {error}.", type="urn:guanxi:problem:not-importable"
                ) from None
            if isinstance(error, ClientDisconnect):
                raise Problem(400, detail="The upload broke off.") from None
            raise
        finally:
            self._left += 1
        return import_id

    async def _describe(self, import_id: UUID, received: _Received, name: str, asked: Asked) -> None:
        file = self.store.open(import_id, received.size)
        document = await look_at(
            name,
            file,
            asked,
            self.declared,
            whole_is_utf8=received.text.holds,
            lines=received.lines,
        )
        await self.store.finish(import_id, received.size, document)


class _Received:
    """What came of an upload so far."""

    def __init__(self, store: FileStore, import_id: UUID, max_bytes: int) -> None:
        self.size = self.lines = 0
        self.text = Utf8Watch()
        self._store = store
        self._import_id = import_id
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._number = 0

    async def take(self, piece: bytes) -> None:
        """Take the next piece and store what is complete. Raises NotImportable at the first sight of a foreign kind."""
        if not self.size and piece:
            kind_of(piece)
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise Problem(413, detail=f"The file is larger than {self._max_bytes} bytes.")
        self.text.see(piece)
        self.lines += piece.count(b"\n")
        self._held += piece
        if len(self._held) >= AT_ONCE * CHUNK_BYTES:
            await self._store_held(len(self._held) // CHUNK_BYTES * CHUNK_BYTES)

    async def finish(self) -> None:
        """Store the rest."""
        await self._store_held(len(self._held))

    async def _store_held(self, size: int) -> None:
        chunks = [
            bytes(self._held[start : min(start + CHUNK_BYTES, size)]) for start in range(0, size, CHUNK_BYTES)
        ]
        if chunks:
            await self._store.add(self._import_id, self._number, chunks)
            self._number += len(chunks)
            del self._held[:size]
