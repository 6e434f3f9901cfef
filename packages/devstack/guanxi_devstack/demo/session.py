"""The replay itself: post, probe meanwhile, wait until all stands in the views."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.progress import Progress

from guanxi_devstack.demo.cdnow import Message
from guanxi_devstack.demo.check import settle
from guanxi_devstack.demo.latency import LatencyProbe
from guanxi_devstack.demo.platform import Platform
from guanxi_devstack.demo.replay import Channel


@dataclass(frozen=True)
class Replayed:
    """What a replay showed; `latency` was measured while it went on.

    `customers`, `scored` (customers) and `touchpoints` are the new ones, probes not counted.
    """

    messages: int
    posting_seconds: float
    seconds: float
    latency: list[float]
    customers: int
    scored: int
    touchpoints: int
    tiers: Mapping[str, int]


async def replay(
    messages: Sequence[Message],
    channel: Channel,
    platform: Platform,
    probe: LatencyProbe,
    *,
    connections: int,
    bars: Progress,
) -> Replayed:
    """Post all messages and wait until the platform's totals come to rest."""
    before = await platform.stats()
    scored_before = sum((await platform.tiers()).values())
    posting = bars.add_task("Posting touchpoints", total=len(messages))
    taking = bars.add_task("New in the views", total=len(messages))
    posted = asyncio.Event()
    began = time.monotonic()

    async def post() -> float:
        await channel.replay(messages, connections, lambda count: bars.advance(posting, count))
        posted.set()
        return time.monotonic() - began

    def seen(touchpoints: int) -> None:
        bars.update(taking, completed=touchpoints - before["touchpoints"] - probe.posted)

    def expected() -> int:
        return before["touchpoints"] + len(messages) + probe.posted

    async with asyncio.TaskGroup() as group:
        posts = group.create_task(post())
        probes = group.create_task(probe.measure_until(posted))
        settles = group.create_task(settle(platform, expected, seen, posted))
    settled = settles.result()
    return Replayed(
        messages=len(messages),
        posting_seconds=posts.result(),
        seconds=settled.at - began,
        latency=probes.result(),
        customers=settled.totals["customers"] - before["customers"],
        scored=sum(settled.tiers.values()) - scored_before,
        touchpoints=settled.totals["touchpoints"] - before["touchpoints"] - probe.posted,
        tiers=settled.tiers,
    )
