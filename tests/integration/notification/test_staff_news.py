"""Staff hear of what they are given, of what is due and of customers who may be lost, each once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from guanxi_contracts.score import RfmTier, RiskLevel, RiskScore, ScoreChangedV1
from guanxi_contracts.task import TaskChangedV1, TaskHappening

from .conftest import NOW, Notification, complaint, person
from .test_erasure import erasure
from .test_staff_notices import Desk, staff


@pytest.fixture
def desk(notification: Notification, tmp_path: Path) -> Desk:
    return Desk(notification, tmp_path / "mailbox", staff())


def task(what: TaskHappening, version: int, **changes: Any) -> TaskChangedV1:
    told: dict[str, Any] = {"owner": "agent-7", "changed_at": NOW}
    return TaskChangedV1(
        task_id=UUID(int=9),
        profile_id=person(1),
        customer_id=person(1),
        team="service",
        state="open",
        source="staff",
        due_at=NOW + timedelta(hours=1),
        version=version,
        what=what,
        **(told | changes),
    )


def score(revision: int, level: RiskLevel, tier: RfmTier = "high_value", customer: int = 1) -> ScoreChangedV1:
    return ScoreChangedV1(
        customer_id=person(customer),
        revision=revision,
        tier=tier,
        previous_tier=None,
        recency=1,
        frequency=1,
        monetary=5,
        purchases=1,
        amount_minor=1,
        last_purchase_at=None,
        computed_at=NOW,
        risk=RiskScore(score=85, level=level, reasons=[]),
    )


async def test_whoever_is_given_something_or_has_something_due_hears_of_it_once(desk: Desk) -> None:
    for _ in range(2):
        await desk.notification.apply(
            complaint(1),
            complaint(1, version=2, what=["assigned"], assigned_to="agent-7", number="S1"),
            complaint(1, version=3, what=["assigned"], assigned_to="team:service", number="S1"),
            task("opened", 1, assigned_to="agent-7"),
            task("noted", 2),
            task("reminded", 3),
            task("overdue", 4, owner=None),
            task("overdue", 5, changed_at=NOW - timedelta(days=2)),
            task("reminded", 6, owner="somebody-who-left"),
        )
        await desk.run()
    assert [(to, subject) for to, subject, _ in desk.mails()] == [
        ("agent-7@example.com", "Reminder: a task is due soon"),
        ("agent-7@example.com", "Yours: a task"),
        ("agent-7@example.com", "Yours: case S1"),
        ("desk@example.com", "Overdue: a task"),
        ("desk@example.com", "Reminder: a task is due soon"),
        ("desk@example.com", "Yours: case S1"),
    ]
    texts = [text for _, _, text in desk.mails()]
    assert texts[0].splitlines()[1:] == [
        "Due: 2024-05-01T09:00:00+00:00",
        "https://console.example.com/tasks/00000000-0000-0000-0000-000000000009",
    ]
    assert texts[2].splitlines()[1:] == [
        "Kind: complaint, priority: normal",
        "https://console.example.com/cases/00000000-0000-0000-0000-000000000001",
    ]
    rows = await desk.notification.rows("SELECT task_id FROM staff_notice WHERE reason = 'too_old'")
    assert [row["task_id"] for row in rows] == [UUID(int=9)]


async def test_a_valuable_customer_who_may_be_lost_is_told_of_once_each_time(desk: Desk) -> None:
    for scores in (
        [score(1, "low"), score(1, "high", "ordinary", customer=2)],
        [score(2, "high"), score(3, "high")],
        [score(4, "high"), score(2, "high")],
        [score(5, "elevated")],
        [score(4, "high")],
        [score(6, "high")],
    ):
        await desk.notification.apply(*scores)
        await desk.run()
    # The one address of all who have the role is told once; the team's own lead has a webhook.
    assert [(to, subject) for to, subject, _ in desk.mails()] == [
        ("desk@example.com", "A high-value customer may be lost")
    ] * 2
    assert desk.mails()[0][2].splitlines() == [
        "The risk of losing a high-value customer is 85 of 100. The brief says why.",
        f"https://console.example.com/customers/{person(1)}",
    ]
    kept = await desk.notification.rows("SELECT customer_id, revision FROM risk_alert")
    assert [tuple(row) for row in kept] == [(person(1), 6)]
    await desk.notification.apply(erasure(1))
    assert await desk.notification.rows("SELECT * FROM risk_alert") == []
