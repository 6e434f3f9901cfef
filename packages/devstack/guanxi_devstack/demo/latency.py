"""Measures how long it takes until a touchpoint that a channel posts stands in the unified view."""

from __future__ import annotations

import asyncio
import time
import uuid
from statistics import quantiles

from guanxi_devstack.demo.platform import Platform
from guanxi_devstack.demo.replay import Channel

LOOK_SECONDS = 0.005
PAUSE_SECONDS = 0.25
LONGEST_SECONDS = 300.0


class ProbeFailed(Exception):
    """A touchpoint that was kept did not reach the view in five minutes."""


class LatencyProbe:
    """Posts page views of one customer, who has no other touchpoint meanwhile, and watches his view.

    `seconds` holds one figure per page view, from the begin of its posting until a read showed it.
    """

    def __init__(self, channel: Channel, platform: Platform, user_id: str) -> None:
        self._channel = channel
        self._platform = platform
        self._user_id = user_id
        self.posted = 0

    async def measure(self, count: int) -> list[float]:
        """Measure `count` times, one after another."""
        customer_id = await self._customer()
        seen = int((await self._platform.view(customer_id))["touchpoints"])
        seconds = []
        for _ in range(count):
            began = time.perf_counter()
            await self._post()
            seen += 1
            await self._seen(customer_id, seen, began)
            seconds.append(time.perf_counter() - began)
        return seconds

    async def measure_until(self, end: asyncio.Event) -> list[float]:
        """Measure every quarter of a second until `end` is set."""
        seconds: list[float] = []
        while not end.is_set():
            seconds += await self.measure(1)
            await asyncio.sleep(PAUSE_SECONDS)
        return seconds

    async def _customer(self) -> str:
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            if found := await self._platform.find(self._user_id):
                return found[0]
            await asyncio.sleep(LOOK_SECONDS * 10)
        raise ProbeFailed(f"{self._user_id} did not appear")

    async def _post(self) -> None:
        self.posted += 1
        page = {"type": "page", "name": "Home", "messageId": f"demo-{uuid.uuid4()}", "userId": self._user_id}
        await self._channel.post([page])

    async def _seen(self, customer_id: str, touchpoints: int, began: float) -> None:
        while (await self._platform.view(customer_id))["touchpoints"] < touchpoints:
            if time.perf_counter() - began > LONGEST_SECONDS:
                raise ProbeFailed("a touchpoint did not reach the view")
            await asyncio.sleep(LOOK_SECONDS)


def percentiles(seconds: list[float]) -> tuple[float, float, float]:
    """Median, 90th and 99th percentile; of a single figure, three times that one."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0], seconds[0]) if seconds else (0.0, 0.0, 0.0)
    cuts = quantiles(seconds, n=100, method="inclusive")
    return cuts[49], cuts[89], cuts[98]
