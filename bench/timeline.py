"""A page of a timeline, a search and the key moments, while the stored touchpoints grow from 1 to 3 to 10 million.

Every customer has 100 touchpoints over three years, every fifth with a text of a few dozen words. The content of 400
customers is really sealed, and those are read; the others have bytes of the same length. Touchpoints come in an order
that scatters those of one customer over the table; 10 million are about 6 GB.

GUANXI_BENCH_MILLIONS and GUANXI_BENCH_READS make it smaller ("0.1,0.3"; 1,000 pages of each kind and round). Two readers
ask as fast as they are answered, which keeps both cores busy, then one; milliseconds are those of the quietest of five
rounds. Beside them stands the processor time of the api and of the database, which other work disturbs less.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import matplotlib as mpl
import msgspec
import psutil

from bench.http_load import request, run
from bench.platform import world
from bench.quiet import ROUNDS, rounds_of
from guanxi_devstack.world import World
from guanxi_kit.crypto import Keyring
from guanxi_kit.packs import load_pack
from interaction_service.application.text_index import TextIndex
from interaction_service.domain.months import month_of

mpl.use("svg")
import matplotlib.pyplot as plt

EACH = 100
TEXTS = 5
READ = 400
CHUNK = 50_000
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
# A stride that shares no factor with the customers' number visits them all before it meets one again.
_CROWD = """
INSERT INTO touchpoint (profile_id, occurred_at, touchpoint_id, received_at, channel, kind, name, sealed)
SELECT md5((n * 7919 % $3::bigint)::text)::uuid, $4::timestamptz - random() * $5::interval,
  ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $4, 'web', 'track',
  CASE WHEN n % 5 = 0 THEN 'Message Sent' ELSE 'Product Viewed' END, $6
FROM generate_series($1::bigint, $2::bigint - 1) AS n
"""
_CROWD_TEXTS = """
INSERT INTO touchpoint_text (profile_id, occurred_at, touchpoint_id, words)
SELECT profile_id, occurred_at, touchpoint_id, $1::integer[] FROM touchpoint
WHERE name = 'Message Sent' AND sealed = $2 AND received_at = $3
"""
_MEMBERSHIP = """
INSERT INTO membership (profile_id, customer_id, version, months)
SELECT profile_id, profile_id, 1,
  array_agg(DISTINCT (extract(year FROM occurred_at) * 12 + extract(month FROM occurred_at) - 1)::integer)
FROM touchpoint WHERE received_at = $1 GROUP BY profile_id
ON CONFLICT (profile_id) DO UPDATE SET months = excluded.months
"""
# Sorting builds an index many times faster than rows in random order do.
_KEYS = {
    "touchpoint": "(profile_id, occurred_at, touchpoint_id)",
    "touchpoint_text": "(profile_id, occurred_at, touchpoint_id)",
}


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds of pages by millions of touchpoints, and what a line through them says of 100 million."""
    reads = int(os.environ.get("GUANXI_BENCH_READS", "1000"))
    millions = [float(text) for text in os.environ.get("GUANXI_BENCH_MILLIONS", "1,3,10").split(",")]
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in PATHS}
    sizes: dict[str, float] = {}
    async with world() as running:
        fill = _Fill(running)
        await fill.prepare()
        for million in millions:
            await fill.up_to(int(million * 1_000_000))
            sizes[f"{million:g} M"] = await fill.gigabytes()
            tell(f"{million:g} million touchpoints, {sizes[f'{million:g} M']} GB")
            for name, path in PATHS.items():
                found[name][f"{million:g} M"] = await _read(running, fill.connection, path, reads)
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
        self._order = [number for number in range(READ) for _ in range(EACH)]
        self._chance.shuffle(self._order)

    async def prepare(self) -> None:
        """Connect, and make the months."""
        self.connection = await asyncpg.connect(self._dsn)
        await self.connection.execute("SET search_path = interaction")
        for month in range(month_of(self._now - timedelta(days=DAYS)), month_of(self._now) + 1):
            await self.connection.execute("SELECT ensure_touchpoint_month($1)", month)

    async def up_to(self, total: int) -> None:
        """Add customers until there are so many touchpoints; those to be read lie among the others."""
        execute, stage = self.connection.execute, self._now + timedelta(microseconds=self._stored)
        for table in _KEYS:
            await execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        filling = self._chance.randbytes(330)
        words = [self._chance.getrandbits(31) for _ in range(40)]
        people, span = total // EACH, timedelta(days=DAYS)
        for begin in range(self._stored, total, CHUNK):
            if not self._stored:
                await self._read_later(begin // CHUNK, total // CHUNK, stage)
            behind = min(begin + CHUNK, total)
            await execute(_CROWD, begin, behind, people, stage, span, filling, timeout=900)
        await execute(_CROWD_TEXTS, words, filling, stage, timeout=900)
        for table, key in _KEYS.items():
            await execute(f"ALTER TABLE {table} ADD PRIMARY KEY {key}", timeout=900)
        await execute(_MEMBERSHIP, stage, timeout=900)
        await execute(
            "INSERT INTO key_moment (profile_id, occurred_at, touchpoint_id, moment)"
            " SELECT DISTINCT ON (profile_id) profile_id, occurred_at, touchpoint_id, 'first_purchase'"
            " FROM touchpoint WHERE received_at = $1 ORDER BY profile_id, occurred_at",
            stage,
            timeout=900,
        )
        await execute(
            "INSERT INTO key_moment (profile_id, occurred_at, touchpoint_id, moment)"
            " SELECT profile_id, $1, profile_id, 'first_purchase' FROM membership AS m"
            " WHERE NOT EXISTS (SELECT FROM key_moment AS k WHERE k.profile_id = m.profile_id)",
            stage,
        )
        await execute("VACUUM ANALYZE", timeout=900)
        await execute("CHECKPOINT", timeout=900)
        self._stored = total

    async def _read_later(self, part: int, parts: int, stage: datetime) -> None:
        """Add one of several parts of the touchpoints that are read."""
        texts: list[tuple[Any, ...]] = []
        order = self._order[part::parts]
        rows = list(self._rows(order, texts, stage))
        await self.connection.copy_records_to_table("touchpoint", records=rows, columns=_TOUCHPOINT)
        names = ("profile_id", "occurred_at", "touchpoint_id", "words")
        await self.connection.copy_records_to_table("touchpoint_text", records=texts, columns=names)

    async def gigabytes(self) -> float:
        """Return the size of the database."""
        size: int = await self.connection.fetchval("SELECT pg_database_size(current_database())")
        return round(size / 1e9, 2)

    def _rows(
        self, people: list[int], texts: list[tuple[Any, ...]], stage: datetime
    ) -> Iterator[tuple[Any, ...]]:
        chance = self._chance
        for number in people:
            person, identity = _person(number), UUID(int=chance.getrandbits(128))
            at = self._now - timedelta(seconds=chance.randrange(DAYS * 86_400))
            written = chance.random() < 1 / TEXTS
            bought = not written and chance.random() < 0.1
            text = SENTENCES[chance.randrange(len(SENTENCES))]
            properties = {"message": text} if written else {"sku": "A-1", "price": 12.5, "shelf": "north"}
            sealed = self._keyring.seal(_content(identity, properties), identity.bytes)
            if words := self._texts.words(person, properties):
                texts.append((person, at, identity, words))
            name = "Message Sent" if written else "Order Completed" if bought else "Product Viewed"
            amount, quantity, currency = (5_000, 1, "CNY") if bought else (None, None, None)
            channel = "pos" if bought else "web"
            yield person, at, identity, stage, amount, quantity, channel, "track", name, currency, sealed


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


async def _read(running: World, connection: Any, path: str, reads: int) -> dict[str, Any]:
    token = {"authorization": f"Bearer {running.credentials.token('admin')}"}
    until = (datetime.now(UTC) - timedelta(days=DAYS // 2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = [
        request("GET", f"/v1/customers/{_person(n % READ)}/{path.format(until=until)}", headers=token)
        for n in range(reads)
    ]
    port = running.ports.api("interaction")
    await run("127.0.0.1", port, iter(wanted[:READ]), connections=1)
    api = psutil.Process(running.child("interaction").pid)
    server = psutil.Process(psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).ppid())
    before = _spent(api), _spent(server, *server.children())
    _, found = await rounds_of(lambda: run("127.0.0.1", port, iter(wanted), connections=2), ROUNDS)
    after = _spent(api), _spent(server, *server.children())
    outcome, alone = await rounds_of(lambda: run("127.0.0.1", port, iter(wanted), connections=1), ROUNDS)
    assert set(outcome.statuses) == {200}, outcome.statuses
    spent = [1000 * (now - then) / (reads * ROUNDS) for now, then in zip(after, before, strict=True)]
    return {
        **found,
        "one reader": alone,
        "api_cpu": round(spent[0], 2),
        "database_cpu": round(spent[1], 2),
    }


def _spent(*processes: psutil.Process) -> float:
    """Return seconds of processor time; of processes that are gone none."""
    seconds = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


def _extrapolated(millions: list[float], values: list[float]) -> float:
    """Return what a line over the logarithm of the size, fitted by least squares, says of FAR million."""
    logs = [math.log10(million) for million in millions]
    middle, mean = sum(logs) / len(logs), sum(values) / len(values)
    spread = sum((log - middle) ** 2 for log in logs)
    slope = sum((log - middle) * (value - mean) for log, value in zip(logs, values, strict=True)) / (
        spread or 1.0
    )
    return round(mean + slope * (math.log10(FAR) - middle), 2)


def _plot(millions: list[float], found: dict[str, dict[str, dict[str, Any]]]) -> None:
    figure, axes = plt.subplots(figsize=(8, 4))
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
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURE)
    plt.close(figure)
