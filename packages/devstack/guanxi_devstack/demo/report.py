"""Shows in the terminal what became of the replayed purchases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.bar import Bar
from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table

from guanxi_devstack.demo.latency import percentiles
from guanxi_devstack.demo.session import Replayed

Rows = Sequence[tuple[str, str]]


def figures_of(replayed: Replayed, calm: list[float]) -> Rows:
    """Names and figures of a replay; `calm` are latencies measured after it."""
    posting = replayed.messages / max(replayed.posting_seconds, 0.001)
    whole = replayed.touchpoints / max(replayed.seconds, 0.001)
    return [
        (
            "posted",
            f"{replayed.messages:,} touchpoints in {replayed.posting_seconds:.1f} s: {posting:,.0f} per s",
        ),
        (
            "new in the views",
            f"{replayed.touchpoints:,} touchpoints in {replayed.seconds:.1f} s: {whole:,.0f} per s",
        ),
        ("new customers", f"{replayed.customers:,}, scored {replayed.scored:,}"),
        ("latency while replaying", latency_text(replayed.latency)),
        ("latency afterwards", latency_text(calm)),
    ]


def show_figures(console: Console, rows: Rows) -> None:
    """A table of names and figures."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, figure in rows:
        table.add_row(name, figure)
    console.print(table)


def show_tiers(console: Console, tiers: Mapping[str, int]) -> None:
    """Customers by tier as bars, largest first."""
    total = sum(tiers.values())
    table = Table(title="RFM tiers", box=None, padding=(0, 2), title_justify="left")
    # The top share is cut from the whole population, which is looked at again every now and then.
    table.caption = "who belongs to the top share of customers follows the population with some delay"
    for heading, side in (("tier", "left"), ("customers", "right"), ("share", "right"), ("", "left")):
        table.add_column(heading, justify="right" if side == "right" else "left")
    for tier, count in sorted(tiers.items(), key=lambda item: -item[1]):
        bar = Bar(max(total, 1), 0, count, width=40, color="cyan")
        table.add_row(tier, f"{count:,}", f"{count / max(total, 1):.1%}", bar)
    console.print(table)


def show_view(console: Console, view: Mapping[str, Any]) -> None:
    """One customer's unified view."""
    text = json.dumps(view, indent=2, ensure_ascii=False)
    console.print(
        Panel(Syntax(text, "json", background_color="default", word_wrap=True), title="One customer")
    )


def latency_text(seconds: list[float]) -> str:
    """Percentiles in words."""
    median, most, nearly_all = (figure * 1000 for figure in percentiles(seconds))
    return f"p50 {median:,.0f} ms   p90 {most:,.0f} ms   p99 {nearly_all:,.0f} ms   ({len(seconds)} probes)"
