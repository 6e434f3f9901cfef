"""The risk of losing a customer over what went wrong: points for cases, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from scoring_service.domain.features import Features
from scoring_service.domain.reasons import Reason

RiskLevel = Literal["low", "elevated", "high"]
Signal = Literal["open_complaint", "overdue_case", "reopened_case", "recent_complaint"]
MOST = 100


@dataclass(frozen=True, slots=True)
class RiskRules:
    """Points of each signal, for how long a complaint that is settled still counts, and where the levels begin."""

    points: tuple[tuple[Signal, int], ...]
    recent: timedelta
    elevated: int
    high: int


@dataclass(frozen=True, slots=True)
class Risk:
    """Points from 0 to MOST, their level, and the signals behind them, the weightiest first."""

    score: int
    level: RiskLevel
    reasons: tuple[Reason, ...]


def assess(features: Features, rules: RiskRules, now: datetime) -> Risk:
    """Return a customer's risk at `now`: every open complaint, overdue and reopened case adds its points."""
    counts: dict[Signal, int] = {
        "open_complaint": features.open_complaints,
        "overdue_case": features.overdue_cases,
        "reopened_case": features.reopened_cases,
        "recent_complaint": int(_settled_until(features, rules, now) is not None),
    }
    found = [(counts[signal] * points, signal, counts[signal]) for signal, points in rules.points]
    found = sorted((each for each in found if each[0]), key=lambda each: (-each[0], each[1]))
    score = min(MOST, sum(points for points, _, _ in found))
    level: RiskLevel = "high" if score >= rules.high else "elevated" if score >= rules.elevated else "low"
    reasons = tuple(Reason(signal, {"count": count, "points": points}) for points, signal, count in found)
    return Risk(score, level, reasons)


def risk_review(features: Features, rules: RiskRules, now: datetime) -> datetime | None:
    """First moment after `now` at which time alone changes the risk; None when it never will."""
    return _settled_until(features, rules, now)


def _settled_until(features: Features, rules: RiskRules, now: datetime) -> datetime | None:
    """Return until when the last complaint counts although none is open; None when it does not."""
    if features.open_complaints or features.last_complaint_at is None:
        return None
    until = features.last_complaint_at + rules.recent
    return until if now < until else None
