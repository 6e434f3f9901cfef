"""No cell of a CSV that the platform makes is ever carried out."""

from __future__ import annotations

import csv
import io

import pytest

from guanxi_kit.spreadsheets import csv_lines, guarded, unguarded


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=1", " =1", "\u3000@x", "|cmd", "%0A"]
)
def test_a_formula_becomes_text(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"
    assert unguarded(guarded(cell)) == cell


def test_all_else_stays() -> None:
    rows: list[list[object]] = [
        ["张三", 'a "quoted", cell', "line\nbreak", "", None, -5, 1.5],
        ["", "  ", "a=1", True],
    ]
    assert list(csv.reader(io.StringIO(csv_lines(rows).decode()))) == [
        ["张三", 'a "quoted", cell', "line\nbreak", "", "", "-5", "1.5"],
        ["", "  ", "a=1", "True"],
    ]
