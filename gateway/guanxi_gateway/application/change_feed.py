"""The recent past of the change topic in memory, shared by all clients of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from uuid import UUID

import msgspec
import structlog

from guanxi_contracts.customer import CUSTOMER_CHANGED, CustomerChangedV1
from guanxi_contracts.envelope import ContractError
from guanxi_gateway.application.event_ids import encode_event_id
from guanxi_gateway.application.frames import change_frame
from guanxi_kit.log.port import Record

_log = structlog.get_logger(__name__)


class FellBehind(Exception):
    """The client is slower than the stream: what it wants next is no longer held."""


class Change:
    """One event of the feed: the record, and the positions of all partitions right after it.

    The event is decoded when a client first asks for it, so that a gateway nobody listens to does no work.
    """

    def __init__(self, record: Record, log_mark: int, positions: tuple[int, ...]) -> None:
        self.record = record
        self.positions = positions
        self._log_mark = log_mark

    @cached_property
    def event(self) -> CustomerChangedV1 | None:
        """The change, or None when the record cannot be read (reported once, then passed over)."""
        try:
            return CUSTOMER_CHANGED.decode(self.record.value).data
        except ContractError as error:
            _log.warning(
                "change_unreadable",
                partition=self.record.partition,
                offset=self.record.offset,
                reason=str(error)[:200],
            )
            return None

    @cached_property
    def data(self) -> bytes:
        """The change as JSON, as clients get it."""
        return msgspec.json.encode(self.event)

    @cached_property
    def frame(self) -> bytes:
        """The change as a server-sent event for a client that has seen all before it."""
        return change_frame(self.data, encode_event_id(self._log_mark, self.positions))

    def concerns(self, customer_id: UUID | None) -> bool:
        """Whether a client that follows `customer_id` (None: everybody) wants this change."""
        event = self.event
        return event is not None and (customer_id is None or event.customer_id == customer_id)


class ChangeFeed:
    """A bounded ring of the newest changes, each with a running number, and where it stands in the log.

    `generation` grows when continuity was lost (the log was recreated, or retention overtook the feed): a client
    of an older generation must be told. `floor` is the place before the oldest change held.
    """

    def __init__(self, capacity: int) -> None:
        self._ring: list[Change | None] = [None] * capacity
        self._news = asyncio.Event()
        self.log_mark = 0
        self.generation = 0
        self.first = 0
        self.next = 0
        self.positions: tuple[int, ...] = ()
        self.floor: tuple[int, ...] = ()

    @property
    def capacity(self) -> int:
        """How many changes are held at most."""
        return len(self._ring)

    def restart(self, log_mark: int, positions: tuple[int, ...]) -> None:
        """Forget everything and stand at `positions`; clients learn of it by the new generation."""
        self.log_mark, self.positions, self.floor = log_mark, positions, positions
        self.generation += 1
        self.first = self.next
        self._wake()

    def widen(self, partitions: int) -> None:
        """Follow more partitions, the new ones from their beginning."""
        self.positions = _padded(self.positions, partitions)
        self.floor = _padded(self.floor, partitions)

    def append(self, record: Record) -> None:
        """Hold one more record; `publish` makes clients look."""
        positions = list(self.positions)
        positions[record.partition] = record.offset + 1
        self.positions = tuple(positions)
        slot = self.next % len(self._ring)
        dropped = self._ring[slot]
        if self.next - self.first == len(self._ring) and dropped is not None:
            self.first += 1
            self.floor = _padded(dropped.positions, len(positions))
        self._ring[slot] = Change(record, self.log_mark, self.positions)
        self.next += 1

    def publish(self) -> None:
        """Wake every waiting client."""
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def covers(self, positions: Sequence[int]) -> bool:
        """Whether everything after `positions` is held or still to come."""
        return all(place >= floor for place, floor in zip(positions, self.floor, strict=True))

    def after(self, number: int, limit: int) -> list[Change]:
        """Return up to `limit` changes from running number `number` on. Raises FellBehind."""
        if number < self.first:
            raise FellBehind
        size = len(self._ring)
        held = (self._ring[i % size] for i in range(number, min(self.next, number + limit)))
        return [change for change in held if change is not None]

    async def wait(self, number: int, generation: int, timeout: float) -> bool:
        """Wait until there is a change `number` or a new generation; False when `timeout` seconds passed first."""
        if number < self.next or generation != self.generation:
            return True
        news = self._news
        try:
            async with asyncio.timeout(timeout):
                await news.wait()
        except TimeoutError:
            return False
        return True


def _padded(positions: tuple[int, ...], partitions: int) -> tuple[int, ...]:
    return positions + (0,) * (partitions - len(positions))
