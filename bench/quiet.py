"""Repeats a load on a shared host and tells of each round how much of the processors the host took away meanwhile.

A tail latency of milliseconds says nothing of a program while the host runs somebody else for tens of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.http_load import LoadResult

ROUNDS = 5
_STEAL = 7


async def rounds_of(
    load: Callable[[], Awaitable[LoadResult]], rounds: int = ROUNDS
) -> tuple[LoadResult, dict[str, Any]]:
    """Return the round with the least stolen, and milliseconds: its p50 and p99, and p99 and steal of each round."""
    found: list[tuple[float, LoadResult]] = []
    for _ in range(rounds):
        before = _times()
        outcome = await load()
        spent = [now - then for now, then in zip(_times(), before, strict=True)]
        found.append((spent[_STEAL] / (sum(spent) or 1), outcome))
    _, quietest = min(found, key=lambda one: one[0])
    return quietest, {
        "p50": round(quietest.quantile(0.5), 2),
        "p99": round(quietest.quantile(0.99), 2),
        "rounds": [
            {"p99": round(outcome.quantile(0.99), 1), "stolen": f"{stolen:.1%}"} for stolen, outcome in found
        ],
    }


def _times() -> list[int]:
    """Return the ticks of all processors together, user to steal; none on a system that does not tell."""
    try:
        line = Path("/proc/stat").read_text().split("\n", 1)[0]
    except OSError:
        return [0] * (_STEAL + 1)
    return [int(ticks) for ticks in line.split()[1 : _STEAL + 2]]
