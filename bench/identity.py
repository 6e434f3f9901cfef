"""Identity: what merging costs, and whether ten million identifiers slow it down.

GUANXI_BENCH_SCALE (1 by default) makes all amounts smaller for a trial; the figures then mean nothing.
"""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl

from bench.resolving import BATCH, Resolving, resolving
from guanxi_contracts.touchpoint import TouchpointReceivedV1

mpl.use("svg")
import matplotlib.pyplot as plt

SCALE = float(os.environ.get("GUANXI_BENCH_SCALE", "1"))
TOUCHPOINTS = max(BATCH, int(40_000 * SCALE))
MERGING_SHARE = 5
"""One touchpoint in five merges two customers."""
SIZES = [max(1_000, int(size * SCALE)) for size in (100_000, 1_000_000, 10_000_000)]
ROUNDS = 5
OURS, ASKED = "#2b6cb0", "#c53030"
DOCS = Path(__file__).parents[1] / "docs"

# Customers of two identifiers each, made by the database itself: person n has user_id:c<n> and phone:c<n>.
CROWD = """
INSERT INTO profile.fragment (profile_id, customer_id, version, founded_at)
SELECT md5('c' || n)::uuid, md5('c' || n)::uuid, 1, now() FROM generate_series($1::int, $2::int) AS n;
INSERT INTO profile.customer (customer_id, customer_number, created_at)
SELECT md5('c' || n)::uuid, 'X' || n, now() FROM generate_series($1::int, $2::int) AS n;
INSERT INTO profile.identifier (hash, type, profile_id, sealed, first_seen_at, touchpoint_id)
SELECT decode(md5(kind || ':c' || n), 'hex'), kind, md5('c' || n)::uuid, decode(repeat(md5('s' || n), 4), 'hex'),
  now(), md5('t' || n)::uuid
FROM generate_series($1::int, $2::int) AS n, (VALUES ('user_id'), ('phone')) AS kinds (kind);
INSERT INTO profile.activity (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at)
SELECT md5('c' || n)::uuid, 'web', '', 5, 0, 0, now(), now() FROM generate_series($1::int, $2::int) AS n;
INSERT INTO profile.seen_touchpoint SELECT md5('t' || n)::uuid FROM generate_series($1::int, $2::int) AS n
"""


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Resolve rates with and without merges, and by the number of identifiers."""
    async with resolving() as handler:
        merging = await _merging(handler, tell)
    async with resolving() as handler:
        sizes = await _sizes(handler, tell)
    result = {"scale": SCALE, "merging": merging, "identifiers": sizes}
    plot(result, (DOCS if SCALE == 1 else Path(__file__).parent / "out") / "benchmarks-identity.svg")
    return result


async def _merging(handler: Resolving, tell: Callable[[str], None]) -> dict[str, Any]:
    """Touchpoints per second of known people, with one in five merging two customers and with none."""
    rates: dict[str, list[float]] = {"none": [], "merging": []}
    for number in range(ROUNDS):
        for name, found in rates.items():
            people = [f"{name}-{number}-{person}" for person in range(TOUCHPOINTS // MERGING_SHARE)]
            await handler.take(_acquaint(handler, people, apart=name == "merging"))
            await handler.admin.execute("VACUUM ANALYZE")
            found.append(await handler.take(list(_mix(handler, people))))
    merges = await handler.admin.fetchval("SELECT count(*) FROM profile.merge_journal")
    assert merges == ROUNDS * (TOUCHPOINTS // MERGING_SHARE), f"{merges} merges"
    median = {name: round(statistics.median(found)) for name, found in rates.items()}
    ratio = round(median["merging"] / median["none"], 2)
    tell(f"20 % merging: {median['merging']:,}/s, none: {median['none']:,}/s, ratio {ratio} (asked: 0.5)")
    return {**median, "ratio": ratio}


def _acquaint(handler: Resolving, people: list[str], *, apart: bool) -> Iterator[TouchpointReceivedV1]:
    """Let everybody be known by user id and device: as two customers each, or as one."""
    for person in people:
        if apart:
            yield handler.touchpoint(f"user_id:{person}")
            yield handler.touchpoint(f"device_id:{person}")
        else:
            yield handler.touchpoint(f"user_id:{person}", f"device_id:{person}")


def _mix(handler: Resolving, people: list[str]) -> Iterator[TouchpointReceivedV1]:
    """Single identifiers of known people; each fifth touchpoint has two: where they are apart, they merge."""
    for person in people:
        for _ in range(MERGING_SHARE - 1):
            yield handler.touchpoint(f"device_id:{person}")
        yield handler.touchpoint(f"user_id:{person}", f"device_id:{person}")


async def _sizes(handler: Resolving, tell: Callable[[str], None]) -> dict[str, Any]:
    """Touchpoints per second by the number of identifiers there are: known, known together, and new beside known."""
    rates: dict[str, int] = {}
    filled = 0
    for size in SIZES:
        people = size // 2
        for statement in CROWD.split(";"):
            await handler.admin.execute(
                statement.replace("$1::int", str(filled + 1)).replace("$2::int", str(people)), timeout=3600
            )
        filled = people
        await handler.admin.execute("VACUUM ANALYZE", timeout=3600)
        chance = random.Random(size)
        await handler.take(list(_visits(handler, chance, people, BATCH * 2)))
        rates[str(size)] = round(
            statistics.median(
                [
                    await handler.take(list(_visits(handler, chance, people, TOUCHPOINTS)))
                    for _ in range(ROUNDS)
                ]
            )
        )
        tell(f"{size:,} identifiers: {rates[str(size)]:,}/s")
    ratio = round(rates[str(SIZES[-1])] / rates[str(SIZES[0])], 2)
    tell(f"rate at {SIZES[-1]:,} identifiers to that at {SIZES[0]:,}: {ratio} (asked: 0.8)")
    return {"rates": rates, "ratio": ratio}


def _visits(
    handler: Resolving, chance: random.Random, people: int, count: int
) -> Iterator[TouchpointReceivedV1]:
    for _ in range(count):
        person = chance.randint(1, people)
        kind = chance.random()
        if kind < 0.6:
            yield handler.touchpoint(f"user_id:c{person}")
        elif kind < 0.8:
            yield handler.touchpoint(f"user_id:c{person}", f"phone:c{person}")
        else:
            yield handler.touchpoint(f"user_id:c{person}", f"anonymous_id:{chance.random()}")


def plot(result: dict[str, Any], path: Path) -> None:
    """Write an SVG: rates with and without merges, rate by size."""
    figure, (merging, sizes) = plt.subplots(1, 2, figsize=(9, 3.6))
    rates = [result["merging"]["none"], result["merging"]["merging"]]
    merging.bar(["none", "20 % merging"], rates, color=OURS)
    merging.axhline(rates[0] * 0.5, color=ASKED, linestyle="--")
    merging.set_title(f"resolved per second (ratio {result['merging']['ratio']})")
    found = {int(size): rate for size, rate in result["identifiers"]["rates"].items()}
    sizes.plot(list(found), list(found.values()), "o-", color=OURS)
    sizes.axhline(next(iter(found.values())) * 0.8, color=ASKED, linestyle="--")
    sizes.set_xscale("log")
    sizes.set_ylim(bottom=0)
    sizes.set_title(f"resolved per second by identifiers (ratio {result['identifiers']['ratio']})")
    for axes in (merging, sizes):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    plt.close(figure)
