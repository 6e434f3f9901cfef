"""Fetches the public data sets that the demo and the benchmarks use: `python bench/data/fetch.py`."""

from __future__ import annotations

import asyncio

from guanxi_devstack.datasets import DATASETS, fetch


async def main() -> None:
    """Fetch each data set that is not there yet, and check all."""
    for dataset in DATASETS:
        print(f"{dataset.name}: {await fetch(dataset)}")


if __name__ == "__main__":
    asyncio.run(main())
