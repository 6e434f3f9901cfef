"""`make demo`: replay the purchases, wait until the platform has taken them in, show and check the outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from guanxi_devstack.datasets import CDNOW_MASTER, DatasetUnavailable, fetch
from guanxi_devstack.demo.cdnow import (
    Message,
    Totals,
    messages,
    read_purchases,
    shift_to,
    totals_by_customer,
    user_id,
)
from guanxi_devstack.demo.check import Outcome, compare
from guanxi_devstack.demo.latency import LatencyProbe, ProbeFailed
from guanxi_devstack.demo.platform import Platform
from guanxi_devstack.demo.replay import Channel, Refused
from guanxi_devstack.demo.report import figures_of, show_figures, show_tiers, show_view
from guanxi_devstack.demo.session import replay
from guanxi_devstack.dev_env import NotRunning, read_dev_env
from guanxi_kit.http import TransportError, make_client

CALM_PROBES = 40
SAMPLE_STEP = 50
REPEATED_STEP = 10
_FAILURES = (DatasetUnavailable, Refused, ProbeFailed)


@dataclass(frozen=True)
class DemoOptions:
    """`as_of` (today if None) is the day that the last purchase of the file is moved to.

    `limit` takes only the first customers (0: all). `connections` requests are under way at a time.
    """

    folder: Path
    as_of: date | None = None
    limit: int = 0
    connections: int = 4


@dataclass(frozen=True)
class Story:
    """What is replayed: messages in the order of time, what must be known of each customer, whom to probe with."""

    messages: list[Message]
    totals: Mapping[str, Totals]
    probed: str


async def run_demo(options: DemoOptions, console: Console) -> int:
    """Run the demo; returns the exit code, 0 only if the platform's counts equal the file's. Raises NotRunning."""
    values = read_dev_env(options.folder / "dev.env")
    failure: BaseException | None = None
    try:
        with console.status("Fetching the CDNOW purchases"):
            story = await _load(options)
        async with _clients(values) as (channel, platform):
            return await _tell(options, console, story, channel, platform)
    except* (TransportError, *_FAILURES) as group:
        failure = group
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if isinstance(failure, TransportError):
        raise NotRunning(f"{values['GUANXI_URL']} does not answer ({failure}): is `make run` going on?")
    console.print(str(failure), style="red", markup=False)
    return 1


async def _load(options: DemoOptions) -> Story:
    purchases = read_purchases(await fetch(CDNOW_MASTER))
    last = options.as_of or datetime.now(UTC).date()
    shift = shift_to(purchases, last)
    totals = totals_by_customer(purchases)
    if options.limit:
        totals = {customer: totals[customer] for customer in sorted(totals)[: options.limit]}
        purchases = [purchase for purchase in purchases if purchase.customer in totals]
    first = messages(purchases, shift)
    # Somebody who bought only once, at the very beginning: nothing but our probes moves that view afterwards.
    probed = next(
        customer
        for customer in (
            purchase.customer for purchase in sorted(purchases, key=lambda one: (one.day, one.line))
        )
        if totals[customer].purchases == 1
    )
    return Story(first, totals, user_id(probed))


@asynccontextmanager
async def _clients(values: Mapping[str, str]) -> AsyncIterator[tuple[Channel, Platform]]:
    url, token = values["GUANXI_URL"], values["GUANXI_ADMIN_TOKEN"]
    async with (
        make_client(url, timeout=30.0) as writing,
        make_client(url, timeout=30.0, token=token) as reading,
    ):
        yield Channel(writing, values["GUANXI_DEMO_WRITE_KEY"]), Platform(reading)


async def _tell(
    options: DemoOptions, console: Console, story: Story, channel: Channel, platform: Platform
) -> int:
    probe = LatencyProbe(channel, platform, story.probed)
    bars = Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with bars:
        replayed = await replay(
            story.messages, channel, platform, probe, connections=options.connections, bars=bars
        )
        calm = await probe.measure(CALM_PROBES)
        new = (replayed.customers, replayed.scored, replayed.touchpoints)
        counted = new == (len(story.totals), len(story.totals), len(story.messages))
        looked_at = dict(list(story.totals.items())[:: _step(counted=counted, repeated=not any(new))])
        task = bars.add_task("Comparing customers", total=len(looked_at))
        outcome = await compare(platform, looked_at, lambda count: bars.advance(task, count))
    show_figures(console, figures_of(replayed, calm))
    show_tiers(console, await platform.tiers())
    best = max(story.totals, key=lambda customer: story.totals[customer].amount_minor)
    for customer_id in await platform.find(user_id(best)):
        show_view(console, await platform.view(customer_id))
    return _judge(console, story, looked_at, outcome)


def _step(*, counted: bool, repeated: bool) -> int:
    """Of how many customers one is compared: of few where totals prove the rest, of all where they cannot.

    If totals rose by exactly what the file has, or by nothing because an earlier run had brought all, a sample is
    enough. Otherwise (an earlier run was broken off, or others post meanwhile) every customer is compared.
    """
    if counted:
        return SAMPLE_STEP
    return REPEATED_STEP if repeated else 1


def _judge(console: Console, story: Story, compared: Mapping[str, Totals], outcome: Outcome) -> int:
    purchases = sum(totals.purchases for totals in compared.values())
    if not outcome.faults and (outcome.purchases, outcome.customers) == (purchases, len(compared)):
        console.print(
            f"[green]Correct[/green]: {sum(totals.purchases for totals in story.totals.values()):,} purchases once "
            f"each, {len(story.totals):,} customers once each ({len(compared):,} compared one by one)",
            highlight=False,
        )
        return 0
    console.print(
        f"WRONG: the file has {purchases:,} purchases of the {len(compared):,} customers compared, "
        f"the platform {outcome.purchases:,} of {outcome.customers:,}",
        style="red",
    )
    for fault in outcome.faults[:10]:
        console.print(fault, markup=False)
    return 1
