"""The batch consumer: every record takes effect exactly once, whatever is killed or delivered again.

Position, effects and outgoing events commit in one transaction. A batch that fails on its content is bisected
down to the bad record, which is parked; a fault of the surroundings is retried for as long as it lasts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from guanxi_kit.clock import Clock
from guanxi_kit.consumer.batch import Batch, Polled, decode, halves
from guanxi_kit.consumer.dead_letters import DeadLetter, park, reason_of
from guanxi_kit.consumer.faults import is_record_fault
from guanxi_kit.consumer.positions import Position, advance_positions, check_within, load_positions
from guanxi_kit.consumer.relay import Relay
from guanxi_kit.consumer.unit import Subscription, Unit
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.log.port import (
    Consumer,
    LogRecreated,
    LogUnavailable,
    TopicPartition,
)
from guanxi_kit.telemetry import METRICS, batch_span

LAG_SECONDS = 5.0
FIRST_DELAY = 0.05
LONGEST_DELAY = 5.0
STALLED_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Stalled(Exception):
    """The worker runs but makes no progress; the message says with what and for how long."""


class Worker:
    """Consumes topics for one service. `run` returns after `stop`, with the current batch finished.

    `name` tells several in one process apart.
    """

    def __init__(
        self,
        *,
        db: Database,
        consumer: Consumer,
        relay: Relay,
        subscriptions: Sequence[Subscription],
        clock: Clock,
        keyring: Keyring,
        batch: int = 2000,
        name: str = "worker",
    ) -> None:
        self.name = name
        self._db = db
        self._consumer = consumer
        self._relay = relay
        self._topics = {subscription.topic: subscription for subscription in subscriptions}
        self._clock = clock
        self._keyring = keyring
        self._batch = batch
        self._positions: dict[TopicPartition, Position] = {}
        self._stopping = asyncio.Event()
        self._in_batch = asyncio.Lock()
        self._refused: LogRecreated | None = None
        self._retrying_since: float | None = None

    async def run(self) -> None:
        """Consume until stopped. Raises LogRecreated when the log is not the one the positions belong to."""
        lag = asyncio.create_task(self._watch_lag(), name="lag")
        try:
            await self._relay.start()
            await self._join()
            while not self._stopping.is_set():
                await self._step()
        finally:
            lag.cancel()
            await self._relay.stop()
            await self._consumer.stop()

    async def _join(self) -> None:
        """Enter the group, however long the log cannot be reached."""
        delay = FIRST_DELAY
        while not self._stopping.is_set():
            try:
                await self._consumer.start(self._assigned, self._revoked)
            except LogUnavailable as error:
                log.warning("join.retried", reason=reason_of(error))
            else:
                return
            await self._pause(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def stop(self) -> None:
        """Ask `run` to finish its batch and return."""
        self._stopping.set()

    async def check(self) -> None:
        """Readiness: raises Stalled when one batch, or the relay, has failed for more than a minute."""
        stalled = 0.0 if self._retrying_since is None else time.monotonic() - self._retrying_since
        if stalled > STALLED_SECONDS:
            raise Stalled(f"a batch has been retried for {stalled:.0f} s")
        if (failing := self._relay.failing_seconds()) > STALLED_SECONDS:
            raise Stalled(f"nothing could be published for {failing:.0f} s")

    async def _step(self) -> None:
        if not await self._relay.has_room(timeout=0.5):
            return
        try:
            records = await self._consumer.poll(max_records=self._batch, timeout=0.5)
        except LogUnavailable:
            await self._pause(1.0)
            return
        if self._refused is not None:
            raise self._refused
        await self._settle_surely(records)

    async def _settle_surely(self, records: Polled) -> None:
        """Settle a batch, through faults of the surroundings for as long as they last."""
        delay = FIRST_DELAY
        while records and not self._stopping.is_set():
            try:
                async with self._in_batch:
                    for topic in self._topics:
                        await self._settle(self._ours(records, topic))
            except Exception as error:
                self._retrying_since = self._retrying_since or time.monotonic()
                log.warning("batch.retried", reason=reason_of(error), delay=round(delay, 2))
                for where, found in records.items():
                    METRICS.records.labels(topic=where.topic, outcome="retried").inc(len(found))
            else:
                self._retrying_since = None
                return
            await self._pause(delay)
            delay = min(delay * 2, LONGEST_DELAY)
            with suppress(Exception):
                if await self._resync():
                    self._retrying_since = None
                    return

    def _ours(self, records: Polled, topic: str) -> Polled:
        """Return a topic's records without partitions that went to another owner, and effects already in.

        Each topic has a transaction of its own: handlers of two topics would take their locks in no common order.
        """
        return {
            where: rest
            for where, found in records.items()
            if where.topic == topic
            and where in self._positions
            and (rest := [r for r in found if r.offset >= self._positions[where].next_offset])
        }

    async def _settle(self, records: Polled) -> None:
        """Give a batch its effect, parking what is to blame for a failure."""
        if not records:
            return
        batch = decode(records, self._positions, self._topics)
        started = time.perf_counter()
        try:
            await self._commit(batch)
        except Exception as error:
            if not is_record_fault(error):
                raise
            if sum(len(found) for found in records.values()) == 1:
                ((_, (record,)),) = records.items()
                log.warning(
                    "record.parked", topic=record.topic, partition=record.partition, offset=record.offset
                )
                await self._commit(
                    Batch({}, [DeadLetter(record, reason_of(error), "refused")], batch.repeats, batch.moves)
                )
                return
            for half in halves(records):
                await self._settle(half)
        else:
            self._count(records, batch, time.perf_counter() - started)

    async def _commit(self, batch: Batch) -> None:
        async with self._db.transaction() as connection:
            await advance_positions(connection, batch.moves)
            unit = Unit(connection, self._clock.now())
            for topic, received in batch.work.items():
                if received:
                    headers = (item.record.headers for item in received)
                    with batch_span(f"process {topic}", headers, records=len(received)):
                        await self._topics[topic].handler(unit, received)
            await park(connection, batch.unreadable, keyring=self._keyring, now=unit.now)
            rows = await unit.outbox.write(connection)
        self._positions |= {where: after for where, (_, after) in batch.moves.items()}
        await self._relay.submit(rows)

    def _count(self, records: Polled, batch: Batch, seconds: float) -> None:
        METRICS.batch_seconds.observe(seconds)
        METRICS.batch_size.observe(sum(len(found) for found in records.values()))
        for topic, repeats in batch.repeats.items():
            METRICS.records.labels(topic=topic, outcome="repeat").inc(repeats)
        for topic, received in batch.work.items():
            METRICS.records.labels(topic=topic, outcome="processed").inc(len(received))

    async def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Take partitions over: read where they stand, and queue what their last owner left in the outbox."""
        delay = FIRST_DELAY
        while not self._stopping.is_set():
            try:
                self._positions |= await self._load(partitions)
                await self._relay.recover([f"{where.topic}/{where.partition}" for where in partitions])
                break
            except LogRecreated as error:
                self._refused = error
                return {}
            except Exception as error:
                log.warning("assignment.retried", reason=reason_of(error))
            await self._pause(delay)
            delay = min(delay * 2, LONGEST_DELAY)
        return {where: self._positions[where].next_offset for where in partitions if where in self._positions}

    async def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Let partitions go, once the batch in hand is through (engines may call this beside it)."""
        async with self._in_batch:
            for where in partitions:
                self._positions.pop(where, None)
                with suppress(KeyError):
                    METRICS.consumer_lag.remove(where.topic, str(where.partition))
        with suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await self._relay.flush()

    async def _load(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Position]:
        log_id = await self._consumer.log_id()
        begin = await self._consumer.begin_offsets(partitions)
        async with self._db.transaction() as connection:
            positions = await load_positions(connection, partitions, log_id=log_id, begin=begin)
        # In this order, since the last owner may move a position until it is read.
        check_within(positions, await self._consumer.end_offsets(partitions))
        return positions

    async def _resync(self) -> bool:
        """Read the positions again after a failure; True when one moved, so that the batch must be polled anew.

        The commit may have happened although its answer was lost, or another owner may have taken over.
        """
        mine = sorted(self._positions)
        fresh = await self._load(mine)
        moved = [
            where for where in mine if where in self._positions and fresh[where] != self._positions[where]
        ]
        if not moved:
            return False
        await self._relay.recover([f"{where.topic}/{where.partition}" for where in moved])
        for where in mine:
            self._positions[where] = fresh[where]
            if where in self._consumer.assignment():
                self._consumer.seek(where, fresh[where].next_offset)
        return True

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _watch_lag(self) -> None:
        """Tell lag tools where this service stands: the metric, and the group's offsets in the log."""
        while True:
            try:
                await self._tell_lag(dict(self._positions))
            except Exception as error:
                log.warning("lag.unknown", error=type(error).__name__)
            await asyncio.sleep(LAG_SECONDS)

    async def _tell_lag(self, mine: Mapping[TopicPartition, Position]) -> None:
        if not mine:
            return
        await self._consumer.commit({where: position.next_offset for where, position in mine.items()})
        for where, end in (await self._consumer.end_offsets(sorted(mine))).items():
            if where in self._positions:
                METRICS.consumer_lag.labels(topic=where.topic, partition=str(where.partition)).set(
                    end - mine[where].next_offset
                )
