"""One picture of the figures: rates against their floors, and the latency's distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

OURS, FLOOR = "#2b6cb0", "#cbd5e0"


def plot(results: dict[str, Any], path: Path) -> None:
    """Write an SVG of whatever sections there are."""
    figure, (rates, latency) = plt.subplots(1, 2, figsize=(11, 4))
    _plot_rates(rates, results)
    _plot_latency(latency, results)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _plot_rates(axes: Any, results: dict[str, Any]) -> None:
    bars: list[tuple[str, float, str]] = []
    for name, found in results.get("ingest", {}).get("result", {}).items():
        bars += [(f"{name}: floor", found["floor"], FLOOR), (f"{name}: ours", found["ours"], OURS)]
    pipeline = results.get("pipeline", {}).get("result", {})
    for name in ("floor", "1 worker", "2 workers"):
        if name in pipeline:
            bars.append((f"pipeline: {name}", pipeline[name], FLOOR if name == "floor" else OURS))
    bars.reverse()
    axes.barh([bar[0] for bar in bars], [bar[1] for bar in bars], color=[bar[2] for bar in bars])
    for place, (_, value, _) in enumerate(bars):
        axes.text(value, place, f" {value:,.0f}", va="center", fontsize=8)
    axes.set_title("events per second")
    axes.spines[["top", "right"]].set_visible(False)


def _plot_latency(axes: Any, results: dict[str, Any]) -> None:
    found = results.get("latency", {}).get("result", {})
    samples = sorted(found.get("samples_ms", []))
    if samples:
        axes.plot(samples, [100 * (n + 1) / len(samples) for n in range(len(samples))], color=OURS)
        axes.set_xscale("log")
        for limit, share in ((60, 50), (500, 99)):
            axes.plot(limit, share, "v", color="#c53030")
    axes.set_title(f"touchpoint to changed view, {found.get('rate', 0)} events/s (markers: targets)")
    axes.set_xlabel("ms")
    axes.set_ylabel("% of changes")
    axes.spines[["top", "right"]].set_visible(False)
