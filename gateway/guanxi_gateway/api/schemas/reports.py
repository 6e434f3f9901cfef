"""Reports over everybody."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from guanxi_gateway.api.schemas.document import Document

Share = Annotated[float, Field(ge=0, le=1)]


class Names(Document):
    """A label in both languages."""

    zh: str
    en: str


class NeedTrend(Document):
    """How often something was logged in each of the `weeks`; `change` is against the week before the last."""

    code: str
    labels: Names | None
    counts: list[int]
    this_week: int
    change: int


class NeedsReport(Document):
    """Needs over twelve weeks up to `week`, what was logged most in it first."""

    week: str
    weeks: list[str]
    kinds: list[NeedTrend]
    reasons: list[NeedTrend]
    scenes: list[NeedTrend]


class IssueFigures(Document):
    """Cases that were opened in the month, as they stand now.

    `hours_to_solve` is the mean of those that are solved; `reopened` and `breached` count how often cases were opened
    again and promises broken.
    """

    cases: int
    share: Share | None
    month_before: int
    change: int
    solved: int
    hours_to_solve: float | None
    reopened: int
    breached: int


class Issue(IssueFigures):
    """Cases of one category and cause."""

    category: str | None
    cause: str | None
    labels: Names | None


class IssuesReport(Document):
    """A month's cases by category and cause, the most frequent first."""

    month: str
    total: IssueFigures
    items: list[Issue]


class TeamFigures(Document):
    """Figures of a month; null where there was nothing to measure.

    Times to the first response are working time of the promise's calendar; `within_goal` is the share within 15
    minutes. `customers` are those who were contacted, `customers_at_goal` the share contacted twice or more, and
    `completeness` the share of the required fields of their records that are filled and valid. `csat` gives the mean by
    dimension. In the total a customer of several owners is one.
    """

    responses: int
    response_p50_seconds: float | None
    response_p90_seconds: float | None
    within_goal: Share | None
    contacts: int | None
    customers: int | None
    contacts_per_customer: float | None
    customers_at_goal: Share | None
    completeness: Share | None
    csat: dict[str, float]
    csat_answers: int
    nps: Annotated[float, Field(ge=-100, le=100)] | None
    nps_answers: int


class OwnerFigures(TeamFigures):
    """Figures of one owner; null: of what nobody owned."""

    owner: str | None


class OneTeamFigures(TeamFigures):
    """Figures of one team; those of contacts and completeness are counted by owner alone, and null here."""

    team: str | None


class TeamReport(Document):
    """Figures of a month by owner and team."""

    month: str
    total: TeamFigures
    owners: list[OwnerFigures]
    teams: list[OneTeamFigures]


_WEEKS = [f"2026-W{week:02}" for week in range(10, 22)]
_TREND: dict[str, Any] = {
    "code": "answer_too_slow",
    "labels": {"zh": "回复太慢", "en": "Answer too slow"},
    "counts": [0, 1, 0, 2, 1, 3, 2, 4, 3, 5, 4, 7],
    "this_week": 7,
    "change": 3,
}
_ISSUE: dict[str, Any] = {
    "cases": 12,
    "share": 0.6,
    "month_before": 9,
    "change": 3,
    "solved": 10,
    "hours_to_solve": 21.5,
    "reopened": 1,
    "breached": 2,
}
_TEAM: dict[str, Any] = {
    "responses": 40,
    "response_p50_seconds": 210.0,
    "response_p90_seconds": 840.0,
    "within_goal": 0.925,
    "contacts": 31,
    "customers": 14,
    "contacts_per_customer": 2.214,
    "customers_at_goal": 0.857,
    "completeness": 0.81,
    "csat": {"quality": 4.4, "response_speed": 3.9},
    "csat_answers": 18,
    "nps": 37.5,
    "nps_answers": 8,
}
_OF_OWNERS = ("contacts", "customers", "contacts_per_customer", "customers_at_goal", "completeness")
EXAMPLES: dict[str, dict[str, Any]] = {
    "NeedsReport": {"week": "2026-W21", "weeks": _WEEKS, "kinds": [], "reasons": [_TREND], "scenes": []},
    "IssuesReport": {
        "month": "2026-05",
        "total": _ISSUE,
        "items": [
            {**_ISSUE, "category": "communication", "cause": "slow_answer", "labels": _TREND["labels"]}
        ],
    },
    "TeamReport": {
        "month": "2026-05",
        "total": _TEAM,
        "owners": [{"owner": "agent-7", **_TEAM}],
        "teams": [{"team": "service", **_TEAM, **dict.fromkeys(_OF_OWNERS)}],
    },
}
