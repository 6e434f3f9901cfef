"""Figures of reports, made of counts."""

from __future__ import annotations

from datetime import date

import pytest

from interaction_service.application.counting import BEYOND, bound_of
from interaction_service.application.reports import (
    Counted,
    issues_report,
    month_after,
    needs_report,
    percentile,
    team_report,
)

MAY = date(2026, 5, 1)


@pytest.mark.parametrize(
    ("counts", "percent", "expected"),
    [
        ({}, 50, None),
        ({"60": 1}, 50, 30.0),
        ({"60": 1}, 100, 60.0),
        ({"60": 9, "900": 1}, 90, 60.0),
        ({"300": 2, "900": 2}, 75, 750.0),
        ({BEYOND: 3}, 90, 604800.0),
    ],
)
def test_percentiles_are_exact_at_bounds(
    counts: dict[str, int], percent: int, expected: float | None
) -> None:
    assert percentile(counts, percent) == expected


def test_a_time_is_counted_under_the_bound_that_holds_it() -> None:
    assert [bound_of(seconds) for seconds in (0, 60, 60.5, 900, 901, 10_000_000)] == [
        "60", "60", "120", "900", "1200", BEYOND,
    ]  # fmt: skip


def test_a_cause_that_only_the_month_before_had_is_shown_with_its_fall() -> None:
    found = issues_report(
        MAY,
        [
            Counted("case", MAY, "product", "", "", 3),
            Counted("case", MAY, "service", "late", "", 0),
            Counted("case", date(2026, 4, 1), "service", "late", "", 2),
        ],
        {"late": {"zh": "延误", "en": "Late"}},
    )
    assert [(each["cause"], each["cases"], each["change"]) for each in found["items"]] == [
        (None, 3, 3),
        ("late", 0, -2),
    ]
    assert (found["total"]["cases"], found["total"]["change"]) == (3, 1)


def test_nothing_counted_is_no_report_of_zeroes() -> None:
    total = team_report(MAY, [])["total"]
    assert (total["within_goal"], total["nps"], total["csat"]) == (None, None, {})
    assert (
        team_report(MAY, [Counted("nps", MAY, "", "", score, 1) for score in ("10", "9", "8", "3")])["total"][
            "nps"
        ]
        == 25.0
    )
    assert needs_report(date(2026, 5, 18), [], {}, {})["reasons"] == []


def test_a_customer_of_two_owners_is_one_in_the_total() -> None:
    counts = [
        Counted("contact", MAY, "one", "", "", 1),
        Counted("contact", MAY, "two", "", "", 1),
        *(Counted("contact.customer", MAY, owner, "", "", 1) for owner in ("one", "two", "")),
        Counted("contact.goal", MAY, "", "", "", 1),
        Counted("response", MAY, "one", "service", "900", 1),
    ]
    found = team_report(MAY, counts)
    assert [(each["owner"], each["contacts_per_customer"]) for each in found["owners"]] == [
        ("one", 1.0),
        ("two", 1.0),
    ]
    assert (found["total"]["contacts_per_customer"], found["total"]["customers_at_goal"]) == (2.0, 1.0)
    (team,) = found["teams"]
    assert (team["within_goal"], team["contacts"], team["completeness"]) == (1.0, None, None), (
        "of owners alone"
    )


def test_months_go_over_years() -> None:
    assert (month_after(date(2026, 12, 1)), month_after(date(2026, 1, 1), -1)) == (
        date(2027, 1, 1),
        date(2025, 12, 1),
    )
