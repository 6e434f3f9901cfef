"""Amounts in minor units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_service.domain.money import MAX_MINOR, BadAmount, read_number, to_count, to_minor


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        (19.99, "CNY", 1999),
        ("11.77", "USD", 1177),
        (0.1 + 0.2, "CNY", 30),
        (1.005, "CNY", 101),
        (500, "JPY", 500),
        (499.5, "JPY", 500),
        ("1.2345", "KWD", 1235),
        (0, "CNY", 0),
        (1e-20, "CNY", 0),
        ("  7.5 ", "CNY", 750),
    ],
)
def test_amounts(value: Any, currency: str, expected: int) -> None:
    assert to_minor(read_number(value), currency) == expected


@given(st.integers(0, MAX_MINOR - 1))
def test_every_json_amount_is_exact(minor: int) -> None:
    text = f"{minor // 100}.{minor % 100:02}"
    assert to_minor(read_number(text), "CNY") == minor
    if minor < 10**15:
        assert to_minor(read_number(float(text)), "CNY") == minor


@pytest.mark.parametrize(
    "value",
    [None, True, [], {}, "", "x", "NaN", "-Infinity", "sNaN", "1_000x", float("nan"), float("inf"), 10**40, "9" * 41,
     "1e999999999", "1e-999999999", 1e300],
)  # fmt: skip
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(BadAmount):
        read_number(value)


@pytest.mark.parametrize("amount", ["-0.01", "1e13", "1e20"])
def test_what_is_no_purchase(amount: str) -> None:
    with pytest.raises(BadAmount):
        to_minor(Decimal(amount), "CNY")


def test_counts() -> None:
    assert [to_count(Decimal(text)) for text in ("0", "1.5", "2.4", "3")] == [0, 2, 2, 3]
    for text in ("-1", "1e10"):
        with pytest.raises(BadAmount):
            to_count(Decimal(text))
