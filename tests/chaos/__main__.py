"""`make chaos`: minutes of load and kill -9, over PostgreSQL's event log and over Kafka (GUANXI_KAFKA_BOOTSTRAP)."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from rich.console import Console
from tests.chaos.storm import storm

from guanxi_devstack.topology import WorldOptions


def main() -> None:
    """Run one storm and say how it went; exits 1 with the difference when something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    console = Console()
    console.print(f"seed {arguments.seed}", highlight=False)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guanxi-chaos-") as folder:
        options = WorldOptions(
            Path(folder),
            base_port=None,
            workers=arguments.workers,
            partitions=4,
            kafka_bootstrap=os.environ.get("GUANXI_KAFKA_BOOTSTRAP"),
            database_url=os.environ.get("GUANXI_DATABASE_URL"),
        )
        asyncio.run(
            storm(
                options,
                seconds=arguments.seconds,
                people=arguments.people,
                seed=arguments.seed,
                tell=lambda line: console.print(
                    f"{time.monotonic() - began:7.1f} s  {line}", highlight=False
                ),
            )
        )


if __name__ == "__main__":
    main()
