"""Deterministic ids and the times of retries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from notification_service.domain.messages import RetryPolicy, send_id

NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)
ONE = UUID(int=1)


def test_a_send_id_never_changes() -> None:
    assert send_id("welcome", "v", ONE, 0) == UUID("f1195d67-c64d-59c9-a06a-551bb81e9802")


def test_each_part_counts() -> None:
    ids = [
        send_id("welcome", "v", ONE, 0),
        send_id("farewell", "v", ONE, 0),
        send_id("welcome", "w", ONE, 0),
        send_id("welcome", "v", UUID(int=2), 0),
        send_id("welcome", "v", ONE, 1),
        send_id("welcome", "v", ONE, 0, UUID(int=3)),
        send_id("welcome", "v", ONE, 0, UUID(int=4)),
    ]
    assert len(set(ids)) == len(ids)
    assert {one.version for one in ids} == {5}


def test_pauses_double_up_to_the_longest_and_spread() -> None:
    policy = RetryPolicy()
    pauses = [policy.retry_at(UUID(int=0), attempt, NOW) - NOW for attempt in range(1, 60)]
    assert pauses[:4] == [timedelta(seconds=s) for s in (5, 10, 20, 40)]
    assert all(a <= b for a, b in pairwise(pauses))
    assert pauses[-1] == timedelta(minutes=15)
    spread = policy.retry_at(UUID(int=999), 1, NOW) - NOW
    assert timedelta(seconds=5) < spread < timedelta(seconds=6.25)


def test_limits() -> None:
    policy = RetryPolicy()
    assert policy.is_hopeless(NOW - timedelta(hours=24), NOW)
    assert not policy.is_hopeless(NOW - timedelta(hours=23), NOW)
    assert policy.awaits_address(NOW - timedelta(minutes=9), NOW)
    assert not policy.awaits_address(NOW - timedelta(minutes=10), NOW)
