"""Probable duplicates: FEBRL, households, and many people.

GUANXI_BENCH_PEOPLE says how many (1,000,000 when it is not set).
"""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

import matplotlib as mpl

from bench import febrl
from bench.crowd import search_crowd
from bench.febrl import Pairs
from bench.people import Shape, records
from profile_service.adapters.duplicates.finding import find
from profile_service.adapters.duplicates.people import make_person
from profile_service.adapters.duplicates.population import Population
from profile_service.adapters.duplicates.training import train

mpl.use("svg")
import matplotlib.pyplot as plt

PEOPLE = int(os.environ.get("GUANXI_BENCH_PEOPLE", "1000000"))
PICTURE = Path(__file__).parent / "out" / "benchmarks-duplicates.svg"
HOUSEHOLDS: dict[str, tuple[int, dict[str, Any]]] = {
    "mixed": (1500, {}),
    "hardly any duplicates": (1500, {"seconds": 0.02}),
    "many duplicates": (1500, {"seconds": 0.4}),
    "Chinese families": (1200, {"chinese": 1.0, "singles": 0.0}),
    "Latin families": (1200, {"chinese": 0.0, "singles": 0.0}),
    "few birthdays known": (1200, {"birthdays": 0.3}),
    "no phones, no e-mails": (1200, {"phones": 0.0, "emails": 0.0}),
}
"""Kinds of populations: how many households, and how they differ from `Shape`."""


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Precision, recall and seconds of each set; the last at scale, with its memory."""
    result: dict[str, Any] = {"febrl": {}, "households": {}}
    for name in febrl.SETS:
        rows, truth = await febrl.load(name)
        found, seconds = _search([febrl.traits(row) for row in rows])
        default, default_seconds = febrl.splink_default(rows)
        result["febrl"][name] = {
            "ours": _quality(found, truth) | {"seconds": round(seconds, 1)},
            "splink, its library's comparisons": _quality(default, truth)
            | {"seconds": round(default_seconds, 1)},
            "reference F1": febrl.REFERENCE[name],
        }
        tell(f"{name}: {result['febrl'][name]}")
    for name, (households, shape) in HOUSEHOLDS.items():
        told, truth = _households(households, shape)
        found, seconds = _search(told)
        quality = _quality(found, truth)
        result["households"][name] = quality | {"people": len(told), "seconds": round(seconds, 1)}
        tell(f"households, {name}: {result['households'][name]}")
    result["crowd"] = await search_crowd(PEOPLE)
    tell(f"{PEOPLE:,} people: {result['crowd']}")
    _plot(result)
    return result


def _search(told: list[dict[str, Any]]) -> tuple[Pairs, float]:
    """Return the pairs, by position, that a search suggests, and the seconds."""
    began = time.perf_counter()
    people = Population()
    try:
        people.add([(UUID(int=n), make_person(of, [], lambda _, text: text)) for n, of in enumerate(told)])
        people.close_keys()
        pairs = find(people, train(people)).pairs
    finally:
        people.close()
    return {(of.left.int, of.right.int) for of in pairs}, time.perf_counter() - began


def _households(households: int, shape: dict[str, Any]) -> tuple[list[dict[str, Any]], Pairs]:
    told, same = [], defaultdict(list)
    for position, (person, traits) in enumerate(
        records(households, Shape(chance=random.Random(17), **shape))
    ):
        told.append(traits)
        same[person].append(position)
    return told, {pair for of in same.values() for pair in combinations(of, 2)}


def _quality(found: Pairs, truth: Pairs) -> dict[str, float]:
    right = len(found & truth)
    precision, recall = right / max(len(found), 1), right / max(len(truth), 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def _plot(result: dict[str, Any]) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6))
    names = list(result["febrl"])
    for shift, (label, color) in enumerate(
        {
            "exact rules": "#cbd5e0",
            "recordlinkage ECM": "#a0aec0",
            "splink, reference": "#718096",
            "ours": "#2b6cb0",
        }.items()
    ):
        values = [
            of["ours"]["f1"] if label == "ours" else of["reference F1"][label]
            for of in result["febrl"].values()
        ]
        left.bar([place + 0.2 * shift for place in range(len(names))], values, 0.18, label=label, color=color)
    left.set_xticks([place + 0.3 for place in range(len(names))], names)
    left.set_ylim(0.8, 1.0)
    left.set_title("F1 on FEBRL")
    left.legend(fontsize=7, loc="lower right")
    for place, (name, of) in enumerate(reversed(result["households"].items())):
        right.plot(of["precision"], place, "o", color="#2b6cb0")
        right.plot(of["recall"], place, "o", color="#cbd5e0")
        right.text(0.0, place, name, fontsize=8, va="center")
    right.axvline(0.98, color="#c53030", linewidth=0.8)
    right.set_yticks([])
    right.set_xlim(0.0, 1.02)
    right.set_title("households: precision (blue, line: .98), recall (grey)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE)
    plt.close(figure)
