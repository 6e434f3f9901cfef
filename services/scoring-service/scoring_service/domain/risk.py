"""The risk of losing a customer: points for cases, low answers and silence, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from scoring_service.domain.features import Features
from scoring_service.domain.reasons import Reason, Words
from scoring_service.domain.silence import Silence, SilenceRules, silence_after, visits_on

RiskLevel = Literal["low", "elevated", "high"]
Signal = Literal[
    "open_complaint", "overdue_case", "reopened_case", "recent_complaint", "low_answer", "silence"
]
MOST = 100
DETRACTOR = 6
"""The highest answer to "would you recommend us" (0 to 10) of those who would rather not."""


@dataclass(frozen=True, slots=True)
class RiskRules:
    """Points of each signal, for how long a settled complaint and a low answer count, and where the levels begin.

    Without `silence` nobody is silent.
    """

    points: tuple[tuple[Signal, int], ...]
    recent: timedelta
    elevated: int
    high: int
    silence: SilenceRules | None = None


@dataclass(frozen=True, slots=True)
class Risk:
    """Points from 0 to MOST, their level, and the signals behind them, the weightiest first."""

    score: int
    level: RiskLevel
    reasons: tuple[Reason, ...]

    @property
    def is_silent(self) -> bool:
        """Whether silence is among the signals."""
        return any(reason.code == "silence" for reason in self.reasons)


def assess(features: Features, rules: RiskRules, now: datetime) -> Risk:
    """Return a customer's risk at `now`: every open complaint, overdue and reopened case adds its points."""
    silence = _silence_after(features, rules)
    if silence is not None and now < silence.begins_at:
        silence = None
    counts: dict[Signal, int] = {
        "open_complaint": features.open_complaints,
        "overdue_case": features.overdue_cases,
        "reopened_case": features.reopened_cases,
        "recent_complaint": int(_settled_until(features, rules, now) is not None),
        "low_answer": int(_low_until(features, rules, now) is not None),
        "silence": int(silence is not None),
    }
    found = [(counts[signal] * points, signal, counts[signal]) for signal, points in rules.points]
    found = sorted((each for each in found if each[0]), key=lambda each: (-each[0], each[1]))
    score = min(MOST, sum(points for points, _, _ in found))
    level: RiskLevel = "high" if score >= rules.high else "elevated" if score >= rules.elevated else "low"
    reasons = [Reason(signal, {"count": count, "points": points}) for points, signal, count in found]
    return Risk(score, level, tuple(_told(reason, silence, rules) for reason in reasons))


def _silence_after(features: Features, rules: RiskRules) -> Silence | None:
    return None if rules.silence is None else silence_after(visits_on(features.visits), rules.silence)


def risk_review(features: Features, rules: RiskRules, now: datetime) -> datetime | None:
    """First moment after `now` at which time alone changes the risk; None when it never will."""
    silence = _silence_after(features, rules)
    turns = (
        _settled_until(features, rules, now),
        _low_until(features, rules, now),
        silence.begins_at if silence is not None and now < silence.begins_at else None,
    )
    return min((turn for turn in turns if turn is not None), default=None)


_WORDS: dict[str, tuple[str, str, str]] = {
    "open_complaint": ("有 {} 起投诉未结", "{} open complaint", "{} open complaints"),
    "overdue_case": (
        "有 {} 个工单超过承诺时限",
        "{} open case with a promise broken",
        "{} open cases with a promise broken",
    ),
    "reopened_case": ("有 {} 个工单重新打开", "{} case opened again", "{} cases opened again"),
    "recent_complaint": ("近期有过投诉", "a complaint not long ago", ""),
    "low_answer": ("近期调查打了低分", "a low answer to a survey not long ago", ""),
}


def _told(reason: Reason, silence: Silence | None, rules: RiskRules) -> Reason:
    """Return a reason with its words, and that of a silence with its figures."""
    if reason.code == "silence" and silence is not None and rules.silence is not None:
        return _silent(reason, silence, rules.silence)
    count = int(reason.figures["count"])
    zh, one, many = _WORDS[reason.code]
    return reason._replace(words=Words(zh.format(count), (one if count == 1 else many).format(count)))


def _silent(reason: Reason, silence: Silence, rules: SilenceRules) -> Reason:
    """Figures that stay true however long it lasts: when the customer was heard of last, and what is usual."""
    last = silence.last.isoformat()
    if silence.usual_days is None:
        limit = (silence.since - silence.last).days - 1
        words = Words(
            f"超过 {limit} 天没有往来（上次 {last}）",
            f"not heard of for more than {limit} days (last on {last})",
        )
        return Reason(reason.code, {**reason.figures, "last_on": last, "limit_days": limit}, words)
    usual, times = f"{silence.usual_days:g}", f"{float(rules.times):g}"
    grown = "doubled" if rules.times == 2 else f"{times} times the usual"
    words = Words(
        f"来访间隔超过平时的 {times} 倍（平时 {usual} 天，上次 {last}）",
        f"visit interval more than {grown} (usually {usual} days, last on {last})",
    )
    figures = {
        **reason.figures,
        "last_on": last,
        "usual_days": silence.usual_days,
        "times": float(rules.times),
    }
    return Reason(reason.code, figures, words)


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
