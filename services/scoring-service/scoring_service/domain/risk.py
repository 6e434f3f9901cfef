"""The risk of losing a customer over what went wrong: points for cases and low answers, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from scoring_service.domain.features import Features
from scoring_service.domain.reasons import Reason

RiskLevel = Literal["low", "elevated", "high"]
Signal = Literal["open_complaint", "overdue_case", "reopened_case", "recent_complaint", "low_answer"]
MOST = 100
DETRACTOR = 6
"""The highest answer to "would you recommend us" (0 to 10) of those who would rather not."""


@dataclass(frozen=True, slots=True)
class RiskRules:
    """Points of each signal, for how long a settled complaint and a low answer count, and where the levels begin."""

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
        "low_answer": int(_low_until(features, rules, now) is not None),
    }
    found = [(counts[signal] * points, signal, counts[signal]) for signal, points in rules.points]
    found = sorted((each for each in found if each[0]), key=lambda each: (-each[0], each[1]))
    score = min(MOST, sum(points for points, _, _ in found))
    level: RiskLevel = "high" if score >= rules.high else "elevated" if score >= rules.elevated else "low"
    reasons = tuple(Reason(signal, {"count": count, "points": points}) for points, signal, count in found)
    return Risk(score, level, reasons)


def risk_review(features: Features, rules: RiskRules, now: datetime) -> datetime | None:
    """First moment after `now` at which time alone changes the risk; None when it never will."""
    turns = (_settled_until(features, rules, now), _low_until(features, rules, now))
    return min((turn for turn in turns if turn is not None), default=None)


def _low_until(features: Features, rules: RiskRules, now: datetime) -> datetime | None:
    """Return until when a low answer counts that no better one came after; None when it does not."""
    low = features.last_low_answer_at
    if low is None or low != features.last_answer_at or now >= low + rules.recent:
        return None
    return low + rules.recent


def _settled_until(features: Features, rules: RiskRules, now: datetime) -> datetime | None:
    """Return until when the last complaint counts although none is open; None when it does not."""
    if features.open_complaints or features.last_complaint_at is None:
        return None
    until = features.last_complaint_at + rules.recent
    return until if now < until else None
