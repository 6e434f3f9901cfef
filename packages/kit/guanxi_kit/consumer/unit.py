"""One transaction of a consumer or a timer: its connection, its outgoing events, and what handlers receive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec

from guanxi_contracts.envelope import Envelope, EventType
from guanxi_kit.clock import Clock
from guanxi_kit.consumer.cause import Cause, cause_headers
from guanxi_kit.consumer.relay import OutboxRow, Relay
from guanxi_kit.db import Database
from guanxi_kit.log.port import MAX_RECORD_BYTES, Headers, Record, RecordTooLarge

T = TypeVar("T")

ROW_BYTES = 4_000_000
# Room for the headers that the relay sends along: the cause and the trace.
LARGEST = MAX_RECORD_BYTES - 512
_Pending = tuple[Cause, str, bytes, bytes, str]
_PACK = msgspec.msgpack.Encoder().encode


class Poison(Exception):
    """The record can never be processed; the message is its reason in the dead letters."""


@dataclass(frozen=True, slots=True)
class Received(Generic[T]):
    """A decoded record that is no repeat."""

    event: Envelope[T]
    record: Record
    cause: Cause


class Outbox:
    """Collects the events of one transaction and writes them with it."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def add(self, cause: Cause, topic: str, key: bytes, value: bytes, *, writer: str = "") -> None:
        """Publish `value` when the transaction commits. Raises RecordTooLarge at once: the log would never take it.

        On a topic that several services write to, `writer` names the service: what two of them make of one record
        has one cause, and receivers would take the second for a repeat of the first.
        """
        size = len(key) + len(value)
        if size > LARGEST:
            raise RecordTooLarge(f"{topic}: {size} bytes")
        self._pending.append((cause, topic, key, value, f"{writer}:" if writer else ""))

    def take(self) -> list[tuple[str, bytes, bytes]]:
        """Return the collected events (topic, key, value) in their order and forget them, for another cause's unit."""
        taken = [(topic, key, value) for _, topic, key, value, _ in self._pending]
        self._pending = []
        return taken

    async def write(self, connection: asyncpg.Connection[Any]) -> list[OutboxRow]:
        """Insert the collected events, ordered by cause, and return the rows for the relay.

        The order matters: a receiver drops what is not above the highest cause it has seen from a source.
        """
        if not self._pending:
            return []
        rows = _rows(self._pending)
        self._pending = []
        ids = await connection.fetch(
            "INSERT INTO outbox (source, record_count, records)"
            " SELECT s, c, r FROM unnest($1::text[], $2::int[], $3::bytea[]) WITH ORDINALITY AS u(s, c, r, o)"
            " ORDER BY o RETURNING id",
            [source for source, _, _ in rows],
            [count for _, count, _ in rows],
            [blob for _, _, blob in rows],
        )
        return [OutboxRow(row["id"], source, blob) for row, (source, _, blob) in zip(ids, rows, strict=True)]


def _rows(pending: list[_Pending]) -> list[tuple[str, int, bytes]]:
    """Pack events into rows of one source each, at most about ROW_BYTES, numbering the outputs of each cause."""
    rows: list[tuple[str, int, bytes]] = []
    ordered = sorted(pending, key=lambda item: (item[0].source, item[0].sequence))
    for source, of_source in groupby(ordered, key=lambda item: item[0].source):
        packed: list[tuple[str, bytes, bytes, Headers]] = []
        size = 0
        for sequence, of_cause in groupby(of_source, key=lambda item: item[0].sequence):
            place = f"{source}:{sequence}:"
            for index, (cause, topic, key, value, writer) in enumerate(of_cause):
                packed.append((topic, key, value, cause_headers(f"{writer}{place}{index}", cause.trace)))
                size += len(value)
            if size > ROW_BYTES:
                rows.append((source, len(packed), _PACK(packed)))
                packed, size = [], 0
        if packed:
            rows.append((source, len(packed), _PACK(packed)))
    return rows


@dataclass(slots=True)
class Unit:
    """One open transaction: work on `connection`, publish through `outbox`, take the time from `now`."""

    connection: asyncpg.Connection[Any]
    now: datetime
    outbox: Outbox = field(default_factory=Outbox)


Handler = Callable[[Unit, Sequence[Received[Any]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic, the event versions understood on it (by type string), and what to do with them."""

    topic: str
    decoders: Mapping[str, EventType[Any]]
    handler: Handler


@dataclass(slots=True)
class StreamUnit:
    """A transaction that no record caused (timer, dispatch, command). `emit` publishes when it commits."""

    connection: asyncpg.Connection[Any]
    now: datetime
    events: list[tuple[str, bytes, bytes]] = field(default_factory=list)

    def emit(self, topic: str, key: bytes, value: bytes) -> None:
        """Publish `value` when the transaction commits."""
        self.events.append((topic, key, value))


@asynccontextmanager
async def stream_unit(
    db: Database, relay: Relay | None, source: str, clock: Clock
) -> AsyncIterator[StreamUnit]:
    """Open a transaction with a cause of its own: the stream's gapless counter.

    Without a relay of this process that serves the stream, that of another publishes at its next look.

    The counter row is taken last, just before the commit, so that commits of one stream follow its sequence.
    """
    async with db.transaction() as connection:
        unit = StreamUnit(connection, clock.now())
        yield unit
        if unit.events:
            sequence = await connection.fetchval(
                "INSERT INTO outbox_stream AS s (source, next_sequence) VALUES ($1, 1)"
                " ON CONFLICT (source) DO UPDATE SET next_sequence = s.next_sequence + 1 RETURNING next_sequence",
                source,
            )
            outbox = Outbox()
            for topic, key, value in unit.events:
                outbox.add(Cause(source, sequence), topic, key, value)
            await outbox.write(connection)
    if unit.events and relay is not None:
        relay.wake(source)
