"""`make chaos`: minutes of load and kill -9 over PostgreSQL's event log, and over Kafka with --kafka.

Over Kafka it starts a broker that keeps all in memory and is left alive; GUANXI_KAFKA_BOOTSTRAP names another, a
fresh one. GUANXI_DATABASE_URL names an outside database, which is left alive too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from tests.chaos.storm import storm

from guanxi_devstack.brokers import Tansu
from guanxi_devstack.topology import WorldOptions

PARTITIONS = 4


def main() -> None:
    """Run one storm and say how it went; raises with the difference when something was lost or doubled."""
    arguments = _arguments()
    console = Console(highlight=False, soft_wrap=True)
    engine = "Kafka" if arguments.kafka else "PostgreSQL"
    console.print(f"over {engine}: seed {arguments.seed}, {arguments.workers} workers of each service")
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="guanxi-chaos-"))
    try:
        with _options(folder, arguments.workers, kafka=arguments.kafka) as options:
            asyncio.run(
                storm(
                    options,
                    seconds=arguments.seconds,
                    people=arguments.people,
                    seed=arguments.seed,
                    tell=lambda line: console.print(f"{time.monotonic() - began:7.1f} s  {line}"),
                )
            )
    except BaseException:
        console.print(f"failed; what the processes wrote lies in {folder / 'logs'}")
        raise
    shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Kill under load, then count.")
    parser.add_argument("--kafka", action="store_true", help="over Kafka in place of PostgreSQL's event log")
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--workers", type=int, default=3, help="of each service")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


@contextmanager
def _options(folder: Path, workers: int, *, kafka: bool) -> Iterator[WorldOptions]:
    options = WorldOptions(
        folder,
        base_port=None,
        workers=workers,
        partitions=PARTITIONS,
        database_url=os.environ.get("GUANXI_DATABASE_URL"),
    )
    outside = os.environ.get("GUANXI_KAFKA_BOOTSTRAP")
    if not kafka:
        yield options
    elif outside:
        yield replace(options, partitions=None, kafka_bootstrap=outside)
    else:
        broker = Tansu(folder / "broker")
        broker.start()
        try:
            yield replace(
                options,
                kafka_bootstrap=broker.bootstrap,
                # This broker knows no idempotent producer; repeats are dropped further on.
                settings={"GUANXI_KAFKA_IDEMPOTENCE": "false"},
            )
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
