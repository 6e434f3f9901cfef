"""Reports, made of counts: needs of a week, issues of a month, a team's month."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from interaction_service.application.counting import (
    ANYBODY,
    BEYOND,
    BOUNDS,
    OF_CUSTOMERS,
    RESPONSE_GOAL,
    Measure,
)

WEEKS = 12
WEEK = timedelta(days=7)
NEED_MEASURES: tuple[Measure, ...] = ("need",)
ISSUE_MEASURES: tuple[Measure, ...] = (
    "case",
    "case.solved",
    "case.seconds",
    "case.reopened",
    "case.breached",
)
TEAM_MEASURES: tuple[Measure, ...] = (
    "response",
    "contact",
    "contact.customer",
    "contact.goal",
    "record.required",
    "record.filled",
    "csat",
    "csat.answer",
    "nps",
)
OF_OWNERS = ("contacts", "customers", "contacts_per_customer", "customers_at_goal", "completeness")
"""Figures that a team has none of: nobody says which team somebody was in contact for."""


class Counted(NamedTuple):
    """A count of a period, which begins on `since`."""

    measure: str
    since: date
    a: str
    b: str
    c: str
    n: int


Names = Mapping[str, Mapping[str, str]]
"""Labels by code, in zh and en."""


def week_of(day: date) -> str:
    """Return the ISO week of a day, as 2026-W21."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def month_after(month: date, months: int = 1) -> date:
    """Return the first day of so many months after one, or before."""
    place = month.year * 12 + month.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


def needs_report(monday: date, counts: Iterable[Counted], reasons: Names, scenes: Names) -> dict[str, Any]:
    """Return needs by kind, reason and scene, over the weeks up to one; what was logged most comes first."""
    weeks = [monday - WEEK * back for back in reversed(range(WEEKS))]
    series: dict[str, defaultdict[str, Counter[date]]] = {
        name: defaultdict(Counter) for name in ("kinds", "reasons", "scenes")
    }
    for count in counts:
        for name, code in (("kinds", count.a), ("reasons", count.b), ("scenes", count.c)):
            if code:
                series[name][code][count.since] += count.n
    labels: Mapping[str, Names] = {"kinds": {}, "reasons": reasons, "scenes": scenes}
    return {
        "week": week_of(monday),
        "weeks": [week_of(one) for one in weeks],
        **{name: _trends(found, weeks, labels[name]) for name, found in series.items()},
    }


def _trends(
    found: Mapping[str, Mapping[date, int]], weeks: Sequence[date], labels: Names
) -> list[dict[str, Any]]:
    trends: list[dict[str, Any]] = []
    for code, by_week in found.items():
        counts = [by_week.get(week, 0) for week in weeks]
        now, before = counts[-1], counts[-2]
        trends.append(
            {
                "code": code,
                "labels": labels.get(code),
                "counts": counts,
                "this_week": now,
                "change": now - before,
            }
        )
    return sorted(trends, key=lambda each: (-each["this_week"], -sum(each["counts"]), each["code"]))


def issues_report(month: date, counts: Iterable[Counted], causes: Names) -> dict[str, Any]:
    """Return the cases that were opened in a month by category and cause, beside the month before."""
    sums: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    before: Counter[tuple[str, str]] = Counter()
    for count in counts:
        if count.since == month:
            sums[count.a, count.b][count.measure] += count.n
        elif count.measure == "case":
            before[count.a, count.b] += count.n
    # A corrected category leaves a count of nothing behind.
    issues = {place for place, of in sums.items() if of["case"]} | {place for place, n in before.items() if n}
    total = sum((sums[place] for place in issues), Counter[str]())
    items = [
        {
            "category": category or None,
            "cause": cause or None,
            "labels": causes.get(cause),
            **_issue(sums[category, cause], before[category, cause], total["case"]),
        }
        for category, cause in issues
    ]
    return {
        "month": f"{month:%Y-%m}",
        "total": _issue(total, sum(before.values()), total["case"]),
        "items": sorted(
            items, key=lambda each: (-each["cases"], each["category"] or "~", each["cause"] or "~")
        ),
    }


def _issue(of: Counter[str], before: int, total: int) -> dict[str, Any]:
    return {
        "cases": of["case"],
        "share": _ratio(of["case"], total),
        "month_before": before,
        "change": of["case"] - before,
        "solved": of["case.solved"],
        "hours_to_solve": _ratio(of["case.seconds"], of["case.solved"] * 3_600),
        "reopened": of["case.reopened"],
        "breached": of["case.breached"],
    }


def team_report(month: date, counts: Iterable[Counted]) -> dict[str, Any]:
    """Return figures of a month by owner and by team."""
    by_owner: defaultdict[str, list[Counted]] = defaultdict(list)
    by_team: defaultdict[str, list[Counted]] = defaultdict(list)
    total: list[Counted] = []
    nothing = dict.fromkeys(OF_OWNERS)
    for count in counts:
        of_customers, of_anybody = count.measure in OF_CUSTOMERS, count.a == ANYBODY
        if of_anybody or not of_customers:
            total.append(count)
        if not (of_anybody and of_customers):
            by_owner[count.a].append(count)
        if not of_customers and count.measure != "contact":
            by_team[count.b].append(count)
    return {
        "month": f"{month:%Y-%m}",
        "total": _figures(total),
        "owners": [{"owner": owner or None, **_figures(found)} for owner, found in sorted(by_owner.items())],
        "teams": [
            {"team": team or None, **_figures(found), **nothing} for team, found in sorted(by_team.items())
        ],
    }


def _figures(counts: Sequence[Counted]) -> dict[str, Any]:
    sums: Counter[str] = Counter()
    of: dict[str, Counter[str]] = {name: Counter() for name in TEAM_MEASURES}
    for count in counts:
        sums[count.measure] += count.n
        of[count.measure][count.c] += count.n
    responses, within = sums["response"], sum(n for bound, n in of["response"].items() if _is_within(bound))
    return {
        "responses": responses,
        "response_p50_seconds": percentile(of["response"], 50),
        "response_p90_seconds": percentile(of["response"], 90),
        "within_goal": _ratio(within, responses),
        "contacts": sums["contact"],
        "customers": sums["contact.customer"],
        "contacts_per_customer": _ratio(sums["contact"], sums["contact.customer"]),
        "customers_at_goal": _ratio(sums["contact.goal"], sums["contact.customer"]),
        "completeness": _ratio(sums["record.filled"], sums["record.required"]),
        "csat": {name: _ratio(of["csat"][name], n) for name, n in sorted(of["csat.answer"].items()) if n},
        "csat_answers": max(of["csat.answer"].values(), default=0),
        "nps": _nps(of["nps"]),
        "nps_answers": sums["nps"],
    }


def percentile(by_bound: Mapping[str, int], percent: int) -> float | None:
    """Return the time that so many percent do not exceed: exact at a bound, interpolated between two.

    Beyond the last bound nothing is known: the bound itself. None without any time.
    """
    total = sum(by_bound.values())
    rank, seen, lower = total * percent / 100, 0, 0
    for bound in BOUNDS:
        here = by_bound.get(str(bound), 0)
        if total and here and seen + here >= rank:
            return round(lower + (bound - lower) * (rank - seen) / here, 1)
        seen, lower = seen + here, bound
    return float(lower) if total else None


def _is_within(bound: str) -> bool:
    return bound != BEYOND and int(bound) <= RESPONSE_GOAL


def _nps(answers: Mapping[str, int]) -> float | None:
    """Promoters (9, 10) less detractors (0 to 6), in percent."""
    good = sum(n for score, n in answers.items() if int(score) >= 9)
    bad = sum(n for score, n in answers.items() if int(score) <= 6)
    total = sum(answers.values())
    return None if not total else round(100 * (good - bad) / total, 1)


def _ratio(part: float, whole: float) -> float | None:
    return None if not whole else round(part / whole, 3)
