"""Ids, customer numbers, mergeable figures and what the view makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_service.domain.activity import Activity, tally
from profile_service.domain.customer_number import business_day, format_customer_number
from profile_service.domain.fragments import fragment_id, merge_id
from profile_service.domain.view import (
    ActivitySum,
    count_channels,
    current_score,
    seen_between,
    total_purchases,
)

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@dataclass
class Bought:
    amount_minor: int
    currency: str
    quantity: int = 1


@dataclass
class Happened:
    channel: str
    occurred_at: datetime
    purchase: Bought | None = None


def test_fragment_ids_are_version_7_deterministic_and_ordered_by_time() -> None:
    touchpoint_id = uuid4()
    early, late = (
        fragment_id(touchpoint_id, NOON),
        fragment_id(touchpoint_id, NOON + timedelta(milliseconds=1)),
    )
    assert early == fragment_id(touchpoint_id, NOON)
    assert early < late
    assert (early.version, early.variant) == (7, "specified in RFC 4122")
    assert early.int >> 80 == int(NOON.timestamp() * 1000)


@given(st.uuids(), st.uuids())
def test_touchpoints_of_one_moment_found_different_fragments(one: UUID, other: UUID) -> None:
    assert (fragment_id(one, NOON) == fragment_id(other, NOON)) == (
        one.int % 2**62 == other.int % 2**62 and (one.int ^ other.int) >> 64 & 0xFFF == 0
    )


def test_a_merge_repeated_on_other_evidence_is_another_merge() -> None:
    one, other, evidence = uuid4(), uuid4(), uuid4()
    assert merge_id(one, other, evidence) == merge_id(one, other, evidence) != merge_id(one, other, uuid4())


@pytest.mark.parametrize(
    ("sequence", "number"), [(1, "C20240501001"), (999, "C20240501999"), (1000, "C202405011000")]
)
def test_customer_numbers_have_three_digits_or_more(sequence: int, number: str) -> None:
    assert format_customer_number(date(2024, 5, 1), sequence) == number


def test_the_business_day_is_that_of_shanghai() -> None:
    assert business_day(datetime(2024, 4, 30, 15, 59, tzinfo=UTC)) == date(2024, 4, 30)
    assert business_day(datetime(2024, 4, 30, 16, 0, tzinfo=UTC)) == date(2024, 5, 1)


def test_figures_are_kept_by_fragment_channel_and_currency() -> None:
    one, other = uuid4(), uuid4()
    figures = tally(
        [
            (one, Happened("web", NOON, Bought(100, "CNY", 2))),
            (one, Happened("web", NOON - timedelta(days=1), Bought(50, "CNY"))),
            (one, Happened("web", NOON + timedelta(days=1))),
            (other, Happened("app", NOON)),
        ]
    )
    assert figures == {
        (one, "web", "CNY"): Activity(2, 3, 150, NOON - timedelta(days=1), NOON, 2024, 2, 150),
        (one, "web", ""): Activity(1, 0, 0, NOON + timedelta(days=1), NOON + timedelta(days=1)),
        (other, "app", ""): Activity(1, 0, 0, NOON, NOON),
    }


def test_of_purchases_the_last_business_year_stands_beside_all() -> None:
    new_year = datetime(2024, 12, 31, 16, tzinfo=UTC)
    person = uuid4()
    times = [NOON, new_year, new_year - timedelta(seconds=1), new_year + timedelta(days=9), NOON]
    (sums,) = tally([(person, Happened("web", at, Bought(100, "CNY"))) for at in times]).values()
    assert (sums.touchpoints, sums.year, sums.year_purchases, sums.year_minor) == (5, 2025, 2, 200)


def test_purchases_total_by_currency_and_name_the_main_one() -> None:
    rows = [
        ActivitySum("web", "EUR", 1, 900, NOON, NOON),
        ActivitySum("web", "CNY", 1, 100, NOON - timedelta(days=3), NOON),
        ActivitySum("pos", "CNY", 2, 200, NOON, NOON + timedelta(days=3)),
        ActivitySum("pos", "", 7, 0, NOON - timedelta(days=9), NOON),
    ]
    totals = total_purchases(rows)
    assert (totals.count, totals.amount_minor, totals.currency) == (4, 300, "CNY")
    assert (totals.first_at, totals.last_at) == (NOON - timedelta(days=3), NOON + timedelta(days=3))
    assert [(each.currency, each.count, each.amount_minor) for each in totals.by_currency] == [
        ("CNY", 3, 300),
        ("EUR", 1, 900),
    ]
    assert count_channels(rows) == {"pos": 9, "web": 2}
    rows.append(ActivitySum("staff", "", 1, 0, NOON - timedelta(days=99), NOON + timedelta(days=99)))
    assert seen_between(rows) == (NOON - timedelta(days=9), NOON + timedelta(days=3))


def test_without_purchases_there_is_no_currency_and_no_time() -> None:
    totals = total_purchases([ActivitySum("web", "", 3, 0, NOON, NOON)])
    assert (totals.count, totals.amount_minor, totals.currency, totals.first_at, totals.by_currency) == (
        0,
        0,
        None,
        None,
        [],
    )


def test_the_survivors_score_is_shown_and_until_it_has_one_the_newest_absorbed() -> None:
    survivor, one, other = uuid4(), uuid4(), uuid4()
    absorbed = {one: (NOON, {"tier": "ordinary"}), other: (NOON + timedelta(1), {"tier": "potential"})}
    assert current_score(absorbed, survivor) == {"tier": "potential"}
    assert current_score(absorbed | {survivor: (NOON - timedelta(9), {"tier": "dormant"})}, survivor) == {
        "tier": "dormant"
    }
    assert current_score({}, survivor) is None
