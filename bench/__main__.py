"""`make bench`: measure against floors that run in the same session; writes bench/out/results.json and a plot.

python -m bench [ingest import_rows pipeline latency reads idle merging merge_storm duplicates identity classification
                 timers webhooks timeline brief]
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import (
    brief,
    classification,
    duplicates,
    identity,
    idle,
    import_rows,
    ingest,
    latency,
    merge_storm,
    merging,
    pipeline,
    reads,
    timeline,
    timers,
    webhooks,
)
from bench.platform import machine
from bench.plot import plot

SECTIONS = {
    "brief": brief,
    "classification": classification,
    "import_rows": import_rows,
    "ingest": ingest,
    "pipeline": pipeline,
    "latency": latency,
    "reads": reads,
    "idle": idle,
    "merging": merging,
    "duplicates": duplicates,
    "identity": identity,
    "merge_storm": merge_storm,
    "timeline": timeline,
    "timers": timers,
    "webhooks": webhooks,
}
OUT = Path(__file__).parent / "out"


async def main(names: list[str]) -> None:
    """Run the named sections, keep the results of the others."""
    console = Console()
    began = time.monotonic()
    OUT.mkdir(exist_ok=True)
    file = OUT / "results.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for name in names:
        found = await SECTIONS[name].measure(
            lambda line: console.print(f"{time.monotonic() - began:6.0f} s  {line}", highlight=False)
        )
        results[name] = {"machine": machine(), "result": found}
        file.write_text(json.dumps(results, indent=1))
    plot(results, OUT / "benchmarks.svg")
    console.print(f"written: {file}, {OUT / 'benchmarks.svg'}", highlight=False)


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(SECTIONS)
    unknown = set(wanted) - set(SECTIONS)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(SECTIONS)}")
    asyncio.run(main(wanted))
