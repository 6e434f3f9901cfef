"""What holds for a customer: the newest decision of a fragment, a refusal over any yes, the pack where nobody spoke."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from profile_service.domain.consents import (
    Consent,
    ConsentKey,
    Decision,
    Reason,
    Standing,
    judge,
    newest,
    superseded,
)

START = datetime(2024, 5, 1, tzinfo=UTC)


def said(fragment: int, hour: int, decision: Decision, over: dict[int, int] | None = None) -> Standing:
    """What a fragment decided in an hour, and until which hour it takes the place of others."""
    return Standing(
        ConsentKey(UUID(int=fragment), "marketing", "email"),
        decision,
        START + timedelta(hours=hour),
        UUID(int=100 * fragment + hour),
        "staff",
        supersedes={UUID(int=other): START + timedelta(hours=until) for other, until in (over or {}).items()},
    )


@pytest.mark.parametrize(
    ("standings", "allowed", "reason"),
    [
        ([], False, "unknown_denied"),
        ([said(1, 1, "granted")], True, "granted"),
        ([said(1, 9, "granted"), said(2, 1, "denied")], False, "denied"),
        ([said(1, 9, "granted"), said(2, 1, "denied"), said(3, 2, "withdrawn")], False, "withdrawn"),
        # Recorded when both were known to be one: what 2 said before no longer counts, what it says later does.
        ([said(1, 9, "granted", {2: 9}), said(2, 1, "denied")], True, "granted"),
        ([said(1, 9, "granted", {2: 9}), said(2, 10, "denied")], False, "denied"),
        ([said(1, 9, "granted", {2: 9}), said(2, 9, "denied")], False, "denied"),
        # 2 is of another customer again, or 3 was never known to be the same.
        ([said(1, 9, "granted", {2: 9}), said(3, 1, "denied")], False, "denied"),
        ([said(1, 12, "denied", {2: 9}), said(2, 10, "granted", {1: 11})], False, "denied"),
        ([said(1, 12, "denied", {2: 9}), said(2, 13, "granted", {1: 13})], True, "granted"),
    ],
)
def test_a_refusal_wins_unless_a_later_yes_was_for_both(
    standings: list[Standing], allowed: bool, reason: Reason
) -> None:
    for order in permutations(standings):
        verdict = judge(order, default_allowed=False)
        assert (verdict.allowed, verdict.reason) == (allowed, reason)


def test_where_nobody_spoke_the_pack_does() -> None:
    assert judge([], default_allowed=True).reason == "unknown_allowed"
    assert not judge([said(1, 1, "withdrawn")], default_allowed=True).allowed


def consent(hour: int, decision: Decision, *over: int) -> Consent:
    return Consent(
        UUID(int=hour * 10 + (decision == "granted")),
        ConsentKey(UUID(int=1), "marketing", "email"),
        decision,
        START + timedelta(hours=hour),
        "staff",
        "li",
        supersedes=[UUID(int=each) for each in over],
    )


def test_the_newest_holds_whatever_comes_last_and_at_one_moment_the_refusal() -> None:
    told = [consent(1, "granted"), consent(3, "granted", 7), consent(3, "denied"), consent(2, "withdrawn", 7)]
    for order in permutations(told):
        assert [(each.decision, each.effective_at.hour) for each in newest(order)] == [("denied", 3)]
        assert {other.int: until.hour for (_, other), until in superseded(order).items()} == {7: 3}
