"""Compares what the platform knows with the file: every purchase once, every customer once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from guanxi_devstack.demo.cdnow import Totals, user_id
from guanxi_devstack.demo.platform import Platform

QUIET_SECONDS = 6.0
SETTLE_SECONDS = 900.0
AT_A_TIME = 16


@dataclass(frozen=True)
class Outcome:
    """What was found for the customers looked at. `faults` are sentences; there should be none."""

    customers: int
    purchases: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Settled:
    """Totals and tiers that no longer change; `at` (monotonic seconds) is when they changed last."""

    totals: Mapping[str, int]
    tiers: Mapping[str, int]
    at: float


async def settle(
    platform: Platform, expected: Callable[[], int], progress: Callable[[int], None], posted: asyncio.Event
) -> Settled:
    """Wait, once all are posted, for `expected()` touchpoints or a while without new ones, and for scores to rest.

    `progress` is told how many touchpoints it has.
    """
    settled = Settled({}, {}, time.monotonic())
    deadline = settled.at + SETTLE_SECONDS
    while time.monotonic() < deadline:
        totals, tiers = await platform.stats(), await platform.tiers()
        progress(totals["touchpoints"])
        if (totals, tiers) != (settled.totals, settled.tiers):
            settled = Settled(totals, tiers, time.monotonic())
        complete = totals["touchpoints"] >= expected()
        quiet = time.monotonic() - settled.at
        if posted.is_set() and quiet > (QUIET_SECONDS / 4 if complete else QUIET_SECONDS):
            break
        await asyncio.sleep(0.2)
    return settled


async def compare(
    platform: Platform, expected: Mapping[str, Totals], progress: Callable[[int], None]
) -> Outcome:
    """Look up each customer in `expected` and compare number and sum of purchases."""
    waiting = iter(expected.items())
    ids: list[str] = []
    purchases: list[int] = []
    faults: list[str] = []

    async def reader() -> None:
        for customer, totals in waiting:
            found = await platform.find(user_id(customer))
            ids.extend(found)
            if len(found) != 1:
                faults.append(f"{user_id(customer)}: {len(found)} customers found")
                continue
            known = (await platform.view(found[0]))["purchases"]
            purchases.append(known["count"])
            if (known["count"], known["amount_minor"]) != (totals.purchases, totals.amount_minor):
                faults.append(f"{user_id(customer)}: {known} in the view, {totals} in the file")
            progress(1)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_A_TIME):
            group.create_task(reader())
    return Outcome(len(set(ids)), sum(purchases), tuple(faults))
