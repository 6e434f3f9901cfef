"""Import of a CSV against PostgreSQL's COPY of the same rows: as text, and as the timeline keeps them.

Both take turns, three times, so that a host that slows down slows both. Beside the rates it tells what a row costs in
processor time: that says more than a rate where other work goes on.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg
import psutil

from bench.platform import world
from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

ROWS = int(os.environ.get("GUANXI_BENCH_ROWS", "100000"))
PEOPLE = 50_000
SECONDS = 900
ROUNDS = 3
PAGE = 10_000
SEALED_BYTES = 420
"""What a row of this file is under seal."""
HEADER = "订单号,下单时间,姓名,手机,城市,金额,商品\n"
CITIES = ("上海", "北京", "广州", "深圳", "杭州")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PROCESSES = (("gateway", "api"), ("interaction", "api"), ("interaction", "worker"))

TEXT_TABLE = """
CREATE TABLE bench_text (number text PRIMARY KEY, at text, name text, phone text, city text, amount text, item text)
"""
TIMELINE_TABLE = "CREATE TABLE bench_timeline (LIKE interaction.touchpoint INCLUDING ALL)"
COLUMNS = (
    "profile_id", "occurred_at", "touchpoint_id", "received_at", "amount_minor", "quantity", "channel", "kind", "name",
    "currency", "sealed",
)  # fmt: skip


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Rows per second of ours and of COPY, their ratios, microseconds of processor a row, and peak memory in MB."""
    async with world() as running:
        content = _content()
        for service in ("profile", "scoring", "notification"):
            await running.child(service, "worker").stop()
        text = await _copy_text(running, content)
        rounds: list[dict[str, float]] = []
        async with make_client(
            running.url, token=running.credentials.token("admin"), timeout=120.0
        ) as client:
            for _ in range(ROUNDS):
                timeline = await _copy_timeline(running)
                rounds.append({"copy_as_timeline": timeline, **await _imported(running, client, content)})
                tell(", ".join(f"{name} {figure:,.1f}" for name, figure in rounds[-1].items()))
        worker = psutil.Process(running.child("interaction", "worker").pid)
        memory = {f"{name}-{role}": _peak_mb(running.child(name, role).pid) for name, role in PROCESSES}
        if preparing := worker.children():
            memory["preparing, each"] = max(_peak_mb(process.pid) for process in preparing)
    middle = {name: round(median(each[name] for each in rounds), 1) for name in rounds[0]}
    result = {
        "rows": ROWS,
        "file_mb": round(len(content) / 2**20, 1),
        "copy_as_text": round(text),
        "median": middle,
        "ratio_to_text": round(middle["ours"] / text, 3),
        "ratio_to_timeline": round(middle["ours"] / middle["copy_as_timeline"], 2),
        "ratios": [round(each["ours"] / each["copy_as_timeline"], 2) for each in rounds],
        "peak_mb": memory,
    }
    tell(f"import: {result}")
    return result


async def _imported(running: World, client: HttpClient, content: bytes) -> dict[str, float]:
    """Upload the file and import it: rows a second, and microseconds of processor time a row."""
    worker = psutil.Process(running.child("interaction", "worker").pid)
    began = time.perf_counter()
    import_id = await _upload(client, content)
    uploaded = len(content) / 2**20 / (time.perf_counter() - began)
    before, prepared = _seconds(worker), _seconds(*worker.children())
    ended = await _import(client, import_id)
    return {
        "ours": ended["progress"]["rows_per_second"],
        "upload_mb_per_second": uploaded,
        "us_worker": (_seconds(worker) - before) / ROWS * 1e6,
        "us_preparing": (_seconds(*worker.children()) - prepared) / ROWS * 1e6,
    }


def _content() -> bytes:
    lines = [HEADER]
    for number in range(ROWS):
        at = BEGAN + timedelta(seconds=60 * (number % 150_000))
        person = number % PEOPLE + 1
        lines.append(
            f"A{number:08d},{at:%Y-%m-%d %H:%M:%S},张{person},138{person:08d},{CITIES[number % 5]},{number % 900}.50,茶\n"
        )
    return "".join(lines).encode()


async def _copy_text(running: World, content: bytes) -> float:
    connection = await asyncpg.connect(running.topology.admin_dsn)
    try:
        await connection.execute(TEXT_TABLE)
        began = time.perf_counter()
        await connection.copy_to_table("bench_text", source=io.BytesIO(content), format="csv", header=True)
        return ROWS / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _copy_timeline(running: World) -> float:
    """Rows sealed beforehand, in pages that are each durable, as an import's are."""
    people = [uuid4() for _ in range(PEOPLE)]
    rows = [
        (
            people[number % PEOPLE], BEGAN + timedelta(seconds=number), uuid4(), BEGAN, 5050, 1, "import", "track",
            "Order Completed", "CNY", os.urandom(SEALED_BYTES),
        )
        for number in range(ROWS)
    ]  # fmt: skip
    connection = await asyncpg.connect(running.topology.admin_dsn)
    try:
        await connection.execute("DROP TABLE IF EXISTS bench_timeline")
        await connection.execute(TIMELINE_TABLE)
        began = time.perf_counter()
        for start in range(0, ROWS, PAGE):
            page = rows[start : start + PAGE]
            await connection.copy_records_to_table("bench_timeline", records=page, columns=COLUMNS)
        return ROWS / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _upload(client: HttpClient, content: bytes) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 2**20):
            yield content[start : start + 2**20]

    answer = await client.post("/v1/imports", params={"name": "orders.csv"}, content=pieces())
    assert answer.status_code == 201, answer.text
    import_id: str = answer.json()["import_id"]
    return import_id


async def _import(client: HttpClient, import_id: str) -> dict[str, Any]:
    assert (await client.post(f"/v1/imports/{import_id}/start")).status_code == 202
    async with asyncio.timeout(SECONDS):
        while True:
            found: dict[str, Any] = (await client.get(f"/v1/imports/{import_id}")).json()
            if found["state"] not in {"queued", "running"}:
                break
            await asyncio.sleep(0.5)
    assert found["state"] == "done", found
    assert found["progress"]["accepted"] == ROWS, found
    return found


def _seconds(*processes: psutil.Process) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))


def _peak_mb(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
