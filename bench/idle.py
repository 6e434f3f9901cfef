"""Resident memory and processor use of each process while nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psutil

from bench.platform import world

SECONDS = 10.0


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """MB resident and percent of a core by process, over ten idle seconds after the start."""
    async with world() as running:
        await asyncio.sleep(3)
        processes = {name: psutil.Process(child.pid) for name, child in running.children.items()}
        for process in processes.values():
            process.cpu_percent()
        await asyncio.sleep(SECONDS)
        result = {
            name: {"mb": round(process.memory_info().rss / 2**20), "cpu_percent": process.cpu_percent()}
            for name, process in processes.items()
        }
    worst = max(result, key=lambda name: result[name]["mb"])
    total = sum(item["cpu_percent"] for item in result.values())
    tell(f"idle: {worst} has {result[worst]['mb']} MB, all processes together {total:.1f} % of a core")
    return result
