"""The change stream as the API sees it: one feed, its tail, and subscriptions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import UUID

from guanxi_gateway.application.change_feed import ChangeFeed
from guanxi_gateway.application.event_ids import EventId
from guanxi_gateway.application.feed_tail import FeedTail
from guanxi_gateway.application.log_reading import ChangeTopic
from guanxi_gateway.application.subscription import Subscription
from guanxi_gateway.metrics import CHANGE_CLIENTS


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How much the stream may hold and how long it may wait; seconds and counts."""

    held: int = 10_000
    clients: int = 1_000
    catch_ups: int = 8
    heartbeat: float = 15.0
    send_timeout: float = 20.0
    recheck_token: float = 30.0


class Changes:
    """Follows the topic of changes while `running`, and gives each client its subscription."""

    def __init__(self, topic: ChangeTopic, limits: StreamLimits, monotonic: Callable[[], float]) -> None:
        self.limits = limits
        self.clients = 0
        self._topic = topic
        self._feed = ChangeFeed(limits.held)
        self._tail = FeedTail(topic, self._feed, monotonic)
        self._catch_ups = asyncio.Semaphore(limits.catch_ups)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the log in the background."""
        task = asyncio.create_task(self._tail.run(), name="change feed")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def following(self) -> bool:
        """Whether the feed stands at the end of the log now."""
        return self._tail.ready

    @property
    def known(self) -> bool:
        """Whether the feed ever stood at the end of the log, so that clients can be given a place."""
        return self._tail.started

    @contextmanager
    def client(self) -> Iterator[None]:
        """Count one client as present."""
        self.clients += 1
        CHANGE_CLIENTS.inc()
        try:
            yield
        finally:
            self.clients -= 1
            CHANGE_CLIENTS.dec()

    def subscribe(self, place: EventId | None, customer_id: UUID | None) -> Subscription:
        """Return a client's way through the stream, from `place` or from the end. `known` must hold."""
        return Subscription(
            self._feed,
            self._topic,
            self._catch_ups,
            place=place,
            customer_id=customer_id,
            heartbeat=self.limits.heartbeat,
        )
