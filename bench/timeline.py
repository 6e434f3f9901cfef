"""A page of a timeline, a search and the key moments, while the stored touchpoints grow from 1 to 3 to 10 million.

Every customer has 100 touchpoints over three years, every fifth with a text of a few dozen words. The content of some
customers is really sealed, and those are read; the others have bytes of the same length. Customers are added as the
table grows, their touchpoints come by COPY in random order, so that those of one customer lie scattered.

GUANXI_BENCH_MILLIONS makes it smaller ("0.1,0.3").
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import matplotlib as mpl
import msgspec

from bench.http_load import request, run
from bench.platform import world
from guanxi_devstack.world import World
from guanxi_kit.crypto import Keyring
from guanxi_kit.packs import load_pack
from interaction_service.application.text_index import TextIndex
from interaction_service.domain.months import month_of

mpl.use("svg")
import matplotlib.pyplot as plt

EACH = 100
TEXTS = 5
READ, READS = 400, 2_000
DAYS = 3 * 365
TARGET_MS = 15.0
FAR = 100.0
PACKS = Path(__file__).parents[1] / "packs"
PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks-timeline.svg"
PATHS = {
    "page": "timeline?limit=50",
    "page down": "timeline?limit=50&until={until}",
    "search": "timeline?limit=50&text=%E9%80%80%E6%AC%BE",
    "rare filter": "timeline?limit=50&channel=pos&event=Order%20Completed",
    "moments": "moments",
}
SENTENCES = (
    "您好，我想咨询一下会员卡的使用期限和优惠，谢谢",
    "上次预约的时间不合适，请帮我改到周末下午",
    "商品有质量问题，我想申请退款，请尽快处理",
    "师傅态度很好，安装也快，下次还会再来",
)
_TOUCHPOINT = (
    "profile_id", "occurred_at", "touchpoint_id", "received_at", "amount_minor", "quantity", "channel", "kind",
    "name", "currency", "sealed",
)  # fmt: skip
_MEMBERSHIP = """
INSERT INTO interaction.membership (profile_id, customer_id, version, months)
SELECT profile_id, profile_id, 1,
  array_agg(DISTINCT (extract(year FROM occurred_at) * 12 + extract(month FROM occurred_at) - 1)::integer)
FROM interaction.touchpoint GROUP BY profile_id ON CONFLICT DO NOTHING
"""


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds of pages by millions of touchpoints, and what a line through them says of 100 million."""
    millions = [float(text) for text in os.environ.get("GUANXI_BENCH_MILLIONS", "1,3,10").split(",")]
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in PATHS}
    sizes: dict[str, float] = {}
    async with world() as running:
        fill = _Fill(running)
        await fill.prepare()
        for million in millions:
            await fill.up_to(int(million * 1_000_000))
            sizes[f"{million:g} M"] = await fill.gigabytes()
            tell(f"{million:g} million touchpoints, {sizes[f'{million:g} M']} GB")
            for name, path in PATHS.items():
                found[name][f"{million:g} M"] = await _read(running, path)
                tell(f"{name}: {found[name][f'{million:g} M']}")
        await fill.connection.close()
    result: dict[str, Any] = {"millions": millions, "gigabytes": sizes}
    for name, by_size in found.items():
        result[name] = by_size | {
            f"p99 at {FAR:g} M, extrapolated": _extrapolated(millions, [s["p99"] for s in by_size.values()])
        }
    _plot(millions, found)
    return result


def _person(number: int) -> UUID:
    return UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


class _Fill:
    """Puts touchpoints into the tables, as the worker would have."""

    def __init__(self, running: World) -> None:
        self._dsn = running.topology.admin_dsn
        self._keyring = Keyring.load(running.credentials.keyring_file)
        self._texts = TextIndex(self._keyring, load_pack(PACKS, "services").events.searchable)
        self._chance = random.Random(7)
        self._stored = 0
        self._now = datetime.now(UTC)

    async def prepare(self) -> None:
        """Connect, and make the months."""
        self.connection = await asyncpg.connect(self._dsn)
        await self.connection.execute("SET search_path = interaction")
        for month in range(month_of(self._now - timedelta(days=DAYS)), month_of(self._now) + 1):
            await self.connection.execute("SELECT ensure_touchpoint_month($1)", month)

    async def up_to(self, total: int) -> None:
        """Add customers until there are so many touchpoints."""
        people = range(self._stored // EACH, total // EACH)
        order = [number for number in people for _ in range(EACH)]
        self._chance.shuffle(order)
        for begin in range(0, len(order), 100_000):
            texts: list[tuple[Any, ...]] = []
            rows = list(self._rows(order[begin : begin + 100_000], texts))
            await self.connection.copy_records_to_table("touchpoint", records=rows, columns=_TOUCHPOINT)
            await self.connection.copy_records_to_table(
                "touchpoint_text",
                records=texts,
                columns=("profile_id", "occurred_at", "touchpoint_id", "words"),
            )
        await self.connection.execute(_MEMBERSHIP, timeout=900)
        await self.connection.execute(
            "INSERT INTO key_moment (profile_id, occurred_at, touchpoint_id, moment)"
            " SELECT DISTINCT ON (profile_id) profile_id, occurred_at, touchpoint_id, 'first_purchase'"
            " FROM touchpoint WHERE amount_minor IS NOT NULL ORDER BY profile_id, occurred_at"
            " ON CONFLICT DO NOTHING",
            timeout=900,
        )
        await self.connection.execute("VACUUM ANALYZE", timeout=900)
        await self.connection.execute("CHECKPOINT", timeout=900)
        self._stored = total

    async def gigabytes(self) -> float:
        """Return the size of the database."""
        size: int = await self.connection.fetchval("SELECT pg_database_size(current_database())")
        return round(size / 1e9, 2)

    def _rows(self, people: list[int], texts: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        chance = self._chance
        filling = chance.randbytes(330)
        sentences = SENTENCES
        for number in people:
            person, identity = _person(number), UUID(int=chance.getrandbits(128))
            at = self._now - timedelta(seconds=chance.randrange(DAYS * 86_400))
            written = chance.random() < 1 / TEXTS
            bought = not written and chance.random() < 0.1
            text = sentences[chance.randrange(len(sentences))]
            properties = {"message": text} if written else {"sku": "A-1", "price": 12.5, "shelf": "north"}
            if number < READ:
                sealed = self._keyring.seal(_content(identity, properties), identity.bytes)
                words = self._texts.words(person, properties)
            else:
                sealed = filling
                words = [chance.getrandbits(31) for _ in range(40)] if written else []
            if words:
                texts.append((person, at, identity, words))
            name = "Message Sent" if written else "Order Completed" if bought else "Product Viewed"
            amount, quantity, currency = (5_000, 1, "CNY") if bought else (None, None, None)
            channel = "pos" if bought else "web"
            yield person, at, identity, at, amount, quantity, channel, "track", name, currency, sealed


def _content(identity: UUID, properties: dict[str, Any]) -> bytes:
    page = {"url": "https://shop.example.com/list?page=3", "path": "/list", "title": "Shop"}
    return msgspec.json.encode(
        {
            "message_id": identity.hex,
            "identifiers": [{"type": "user_id", "namespace": "", "value": "u-1"}],
            "properties": properties,
            "context": {"page": page, "library": {"name": "analytics.js", "version": "2.1"}},
        }
    )


async def _read(running: World, path: str) -> dict[str, float]:
    token = {"authorization": f"Bearer {running.credentials.token('admin')}"}
    until = (datetime.now(UTC) - timedelta(days=DAYS // 2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = [
        request("GET", f"/v1/customers/{_person(n % READ)}/{path.format(until=until)}", headers=token)
        for n in range(READS)
    ]
    port = running.ports.api("interaction")
    await run("127.0.0.1", port, iter(wanted[:READ]), connections=1)
    outcome = await run("127.0.0.1", port, iter(wanted), connections=2)
    assert set(outcome.statuses) == {200}, outcome.statuses
    return {"p50": round(outcome.quantile(0.5), 2), "p99": round(outcome.quantile(0.99), 2)}


def _extrapolated(millions: list[float], values: list[float]) -> float:
    """Return what a line over the logarithm of the size, fitted by least squares, says of FAR million."""
    logs = [math.log10(million) for million in millions]
    middle, mean = sum(logs) / len(logs), sum(values) / len(values)
    spread = sum((log - middle) ** 2 for log in logs)
    slope = sum((log - middle) * (value - mean) for log, value in zip(logs, values, strict=True)) / (
        spread or 1.0
    )
    return round(mean + slope * (math.log10(FAR) - middle), 2)


def _plot(millions: list[float], found: dict[str, dict[str, dict[str, float]]]) -> None:
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, by_size in found.items():
        (line,) = axes.plot(
            millions, [spread["p50"] for spread in by_size.values()], "o-", label=f"{name}, p50"
        )
        axes.plot(millions, [spread["p99"] for spread in by_size.values()], "o:", color=line.get_color())
    axes.axhline(TARGET_MS, color="#c53030", linewidth=1, label="asked of a page, p99")
    axes.set_xscale("log")
    axes.set_xticks(millions, [f"{million:g} M" for million in millions])
    axes.minorticks_off()
    axes.set_xlabel("stored touchpoints")
    axes.set_ylabel("ms (dotted: p99)")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURE)
    plt.close(figure)
