"""A platform for benchmarks, and what every figure is reported with: machine and commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from guanxi_devstack.topology import WorldOptions
from guanxi_devstack.world import World


@asynccontextmanager
async def world(*, workers: int = 1, partitions: int = 12) -> AsyncIterator[World]:
    """Run a fresh platform in a temporary folder."""
    with TemporaryDirectory(prefix="guanxi-bench-") as folder:
        options = WorldOptions(
            Path(folder),
            base_port=None,
            workers=workers,
            partitions=partitions,
            kafka_bootstrap=os.environ.get("GUANXI_KAFKA_BOOTSTRAP"),
            database_url=os.environ.get("GUANXI_DATABASE_URL"),
        )
        async with World(options) as running:
            yield running


def machine() -> dict[str, Any]:
    """Describe this machine and the code measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "log_engine": "kafka" if os.environ.get("GUANXI_KAFKA_BOOTSTRAP") else "postgres",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
