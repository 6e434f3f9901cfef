"""FEBRL 1 to 4, as persons of ours and as Splink's own comparisons see them."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from itertools import combinations
from typing import Any

import duckdb
import pyarrow as pa
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from guanxi_devstack.datasets import FEBRL, fetch

SETS = {
    "FEBRL1": ("dataset1",),
    "FEBRL2": ("dataset2",),
    "FEBRL3": ("dataset3",),
    "FEBRL4": ("dataset4a", "dataset4b"),
}
REFERENCE = {
    "FEBRL1": {"exact rules": 0.874, "recordlinkage ECM": 0.985, "splink, reference": 0.998},
    "FEBRL2": {"exact rules": 0.843, "recordlinkage ECM": 0.869, "splink, reference": 0.992},
    "FEBRL3": {"exact rules": 0.820, "recordlinkage ECM": 0.948, "splink, reference": 0.989},
    "FEBRL4": {"exact rules": 0.893, "recordlinkage ECM": 0.954, "splink, reference": 0.997},
}
"""F1 as published for these sets, without the social-security column."""

Pairs = set[tuple[int, int]]
Row = dict[str, str]


async def load(name: str) -> tuple[list[Row], Pairs]:
    """Return the rows of a set, and the true pairs by position."""
    rows: list[Row] = []
    for part in SETS[name]:
        with (await fetch(FEBRL[part])).open(encoding="utf-8") as file:
            rows += list(csv.DictReader(file, skipinitialspace=True))
    same: defaultdict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        same[row["rec_id"].split("-")[1]].append(position)
    return rows, {pair for of in same.values() for pair in combinations(of, 2)}


def traits(row: Row) -> dict[str, Any]:
    """Return a row as traits of a customer."""
    street = f"{row['street_number']} {row['address_1']}".strip()
    address = {"street": street, "city": row["suburb"], "state": row["state"], "postalCode": row["postcode"]}
    return {
        "firstName": row["given_name"],
        "lastName": row["surname"],
        "birthday": row["date_of_birth"],
        "address": address,
    }


def splink_default(rows: list[Row]) -> tuple[Pairs, float]:
    """Return the pairs that Splink finds with the comparisons of its library at p >= 0.5, and the seconds."""
    began = time.perf_counter()
    columns = [name for name in rows[0] if name not in {"rec_id", "soc_sec_id"}]
    table = pa.table(
        {"unique_id": list(range(len(rows)))}
        | {name: pa.array([row[name] or None for row in rows], pa.string()) for name in columns}
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
            ),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("address_1", [0.9, 0.7]),
            cl.JaroWinklerAtThresholds("suburb", [0.9, 0.7]),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on(name) for name in ("given_name", "surname", "date_of_birth", "postcode", "address_1")
        ],
    )
    linker = Linker(DuckDBAPI(duckdb.connect()).register(table), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("given_name", "surname", "date_of_birth"), block_on("date_of_birth", "address_1")],
        recall=0.8,
    )
    linker.training.estimate_u_using_random_sampling(1_000_000, seed=1)
    for rule in (block_on("date_of_birth"), block_on("given_name", "surname")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    predicted: Any = linker.inference.predict(threshold_match_probability=0.5)
    found = predicted.as_pyarrow_table().to_pylist()
    ends = ((int(row["unique_id_l"]), int(row["unique_id_r"])) for row in found)
    return {(min(pair), max(pair)) for pair in ends}, time.perf_counter() - began
