"""Purchases of the file become messages: deterministic, in order, none lost."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from guanxi_devstack.demo.cdnow import (
    Purchase,
    Totals,
    messages,
    read_purchases,
    shift_to,
    totals_by_customer,
    user_id,
)

FILE = """ customer_id  date number_of_cds  dollar_value
 00099 19970101  1   11.77\r
 00100 19970112  1   12.00\r
 00100 19970112  1   12.00\r
 00099 19980630  5   77.05\r
"""


@pytest.fixture
def purchases(tmp_path: Path) -> list[Purchase]:
    path = tmp_path / "master.txt"
    path.write_text(FILE, newline="")
    return read_purchases(path)


def test_reads_each_line_with_exact_cents(purchases: list[Purchase]) -> None:
    assert purchases[0] == Purchase(1, "00099", date(1997, 1, 1), 1, 1177)
    assert [purchase.amount_minor for purchase in purchases] == [1177, 1200, 1200, 7705]


def test_refuses_a_line_that_is_no_purchase(tmp_path: Path) -> None:
    path = tmp_path / "broken.txt"
    path.write_text(" header\n 00001 19970101 1\n")
    with pytest.raises(ValueError, match="not enough values"):
        read_purchases(path)


def test_totals_count_equal_purchases_of_one_day_apart(purchases: list[Purchase]) -> None:
    assert totals_by_customer(purchases) == {"00099": Totals(2, 8882), "00100": Totals(2, 2400)}


def test_the_last_purchase_falls_on_the_day_asked_for(purchases: list[Purchase]) -> None:
    shift = shift_to(purchases, date(2026, 5, 1))
    assert max(str(message["timestamp"]) for message in messages(purchases, shift)) == "2026-05-01T00:00:00Z"


def test_messages_are_in_order_of_time_and_the_same_in_every_run(purchases: list[Purchase]) -> None:
    first, second = (messages(purchases, timedelta(days=10_000)) for _ in range(2))
    times = [message["timestamp"] for message in first]
    assert first == second
    assert times == sorted(times)
    assert len({message["messageId"] for message in first}) == len(first) == 5


def test_every_hundredth_customer_signs_up_first(purchases: list[Purchase]) -> None:
    kinds = [
        (message["type"], message["messageId"])
        for message in messages(purchases, timedelta())
        if message["userId"] == user_id("00100")
    ]
    assert [kind for kind, _ in kinds] == ["identify", "track", "track"]


def test_amounts_keep_their_cents(purchases: list[Purchase]) -> None:
    orders = [
        message["properties"] for message in messages(purchases, timedelta()) if message["type"] == "track"
    ]
    assert [order["revenue"] for order in orders] == [11.77, 12.0, 12.0, 77.05]
