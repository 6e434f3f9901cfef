"""One storm: load by every way, merges and undos by hand, erasures, cases, and kills for a while, then the verdict."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tests.chaos.desk import Desk
from tests.chaos.erasers import Erasers
from tests.chaos.hands import Hands
from tests.chaos.killer import keep_killing
from tests.chaos.letters import PASSWORD, USER, Letters
from tests.chaos.load import keep_sending
from tests.chaos.mail import smtp_server
from tests.chaos.people import Population
from tests.chaos.promises import short_promises
from tests.chaos.verdict import Storm, check
from tests.chaos.ways import declare_hook
from tests.imap import imap_server

from guanxi_devstack.topology import WorldOptions
from guanxi_devstack.world import World

REPORT_SECONDS = 30.0


async def storm(
    options: WorldOptions, *, seconds: float, people: int, seed: int, tell: Callable[[str], None]
) -> None:
    """Start a platform, keep load, hands, erasers and kills on for `seconds`, stop all, check.

    Raises AssertionError with what differs.
    """
    population = Population(people, random.Random(seed), uuid.uuid4().hex[:8])
    hands = Hands(population, random.Random(seed))
    erasers = Erasers(population, random.Random(seed))
    desk = Desk(population, random.Random(seed))
    kills: Counter[str] = Counter()
    with smtp_server() as (inbox, address), imap_server(USER, PASSWORD) as port:
        letters = Letters(population, port)
        settings = {"GUANXI_SMTP_URL": address, "GUANXI_ERASURE_POLL_SECONDS": "1"}
        settings["GUANXI_ALLOW_PRIVATE_MAILBOXES"] = "true"
        settings |= await asyncio.to_thread(short_promises, options.folder)
        options = replace(options, settings={**options.settings, **settings})
        async with World(options) as world:
            await declare_hook(world)
            await letters.ready()
            await letters.declare(world)
            tell(f"{len(world.children)} processes are ready, the storm begins")
            end = time.monotonic() + seconds

            def over() -> bool:
                return time.monotonic() > end

            repeats, *_ = await asyncio.gather(
                keep_sending(world, population, over),
                hands.keep_deciding(world, over),
                erasers.keep_erasing(world, over),
                desk.keep_working(world, over),
                letters.keep_writing(over),
                keep_killing(world, random.Random(seed), over, kills, erasers.in_hand),
                _report(population, kills, end, tell),
            )
            await world.wait_ready()
            tell(
                f"repeated: {repeats} batches, {erasers.repeated} requests for erasure, {desk.repeated} acts of staff;"
                f" {_named(kills)}"
            )
            figures = await check(world, Storm(hands, erasers, desk, letters, inbox), tell)
    tell(
        f"exactly once: seed {seed}, {seconds:.0f} s, {kills.total()} kills, touchpoints {dict(population.ways)},"
        f" {len(letters.taken)} mails,"
        f" {len(hands.merged)} merges by hand, {len(hands.undone)} undone,"
        f" {len(erasers.acknowledged)} erasures acknowledged, {len(desk.acts)} cases, {len(desk.contacts)}"
        f" contacts; {figures}"
    )


async def _report(people: Population, kills: Counter[str], end: float, tell: Callable[[str], None]) -> None:
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(REPORT_SECONDS, left))
        tell(f"{len(people.accepted)} touchpoints accepted, {kills.total()} kills")


def _named(kills: Counter[str]) -> str:
    return "kills: " + ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
