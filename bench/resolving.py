"""profile-service's handler on a database of its own, driven batch by batch as the worker does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import md5
from itertools import count
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from bench.fresh import fresh_schema
from guanxi_contracts.envelope import Envelope
from guanxi_contracts.touchpoint import IdentifierRef, TouchpointReceivedV1
from guanxi_kit.clock import SystemClock
from guanxi_kit.consumer import Cause, Received, Unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.log.port import Record
from guanxi_kit.packs import load_pack
from profile_service.adapters.pack_rules import identity_rules
from profile_service.consumers.touchpoint_received import TouchpointReceivedConsumer

BATCH = 2000
PACKS = Path(__file__).parents[1] / "packs"


def digest(text: str) -> bytes:
    """The hash under which the benchmark's identifiers stand; SQL makes the same with md5."""
    return md5(text.encode(), usedforsecurity=False).digest()


class Resolving:
    """The handler under the rules of the example pack, with a connection of the administrator beside it."""

    def __init__(self, db: Database, admin: asyncpg.Connection) -> None:
        self.db, self.admin = db, admin
        self._keyring = Keyring.generate()
        rules = identity_rules(load_pack(PACKS, "services"))
        self._consumer = TouchpointReceivedConsumer(rules, self._keyring, SystemClock())
        self._serial, self._offsets = count(), count()

    def touchpoint(self, *identifiers: str) -> TouchpointReceivedV1:
        """A fresh page view of some identifiers, written as `type:value`, strongest first."""
        touchpoint_id, now = UUID(bytes=digest(f"touchpoint {next(self._serial)}")), datetime.now(UTC)
        pairs = [text.split(":", 1) for text in identifiers]
        plain = [{"type": kind, "namespace": "", "value": value} for kind, value in pairs]
        content = msgspec.json.encode({"identifiers": plain, "properties": {"path": "/shop" * 20}})
        return TouchpointReceivedV1(
            touchpoint_id=touchpoint_id,
            channel="web",
            kind="page",
            name="Shop",
            occurred_at=now,
            received_at=now,
            identifiers=[
                IdentifierRef(kind, digest(text)) for (kind, _), text in zip(pairs, identifiers, strict=True)
            ],
            sealed=self._keyring.seal(content, touchpoint_id.bytes),
        )

    async def take(self, touchpoints: Iterable[TouchpointReceivedV1]) -> float:
        """Resolve them in batches; return touchpoints per second, outbox and commit included."""
        total, seconds = 0, 0.0
        for batch in _batches(touchpoints):
            received = [self._received(each) for each in batch]
            began = time.perf_counter()
            async with self.db.transaction() as connection:
                unit = Unit(connection, datetime.now(UTC))
                await self._consumer.handle(unit, received)
                await unit.outbox.write(connection)
            seconds += time.perf_counter() - began
            total += len(batch)
        # Nobody publishes here: what waits must not grow from one measurement to the next.
        await self.admin.execute("TRUNCATE profile.outbox")
        return total / seconds

    def _received(self, data: TouchpointReceivedV1) -> Received[TouchpointReceivedV1]:
        offset = next(self._offsets)
        event = Envelope(id="e", source="bench", type="t", time=data.received_at, data=data)
        record = Record("touchpoint.received", 0, offset, b"", b"", (), 0)
        return Received(event, record, Cause("touchpoint.received/0", offset))


def _batches(touchpoints: Iterable[TouchpointReceivedV1]) -> Iterator[Sequence[TouchpointReceivedV1]]:
    batch: list[TouchpointReceivedV1] = []
    for touchpoint in touchpoints:
        batch.append(touchpoint)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@asynccontextmanager
async def resolving() -> AsyncIterator[Resolving]:
    """Lend the handler on a fresh schema: on an embedded server, or on the one of GUANXI_DATABASE_URL."""
    async with fresh_schema("profile") as fresh:
        db = Database(await open_pool(fresh.settings.database_dsn(), application_name="bench"))
        admin = await asyncpg.connect(fresh.admin)
        try:
            yield Resolving(db, admin)
        finally:
            await admin.close()
            await db.close()
