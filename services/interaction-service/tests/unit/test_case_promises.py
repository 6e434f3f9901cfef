"""Clocks of cases: when they start, pause and end, and the alarms that they raise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from interaction_service.application.case_commands import TimerOf
from interaction_service.application.desk_faults import NoSuchTeam

from .case_memory import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(("kind", "minutes"), [("enquiry", 15), ("complaint", 60)])
def test_the_first_response_is_due_by_the_kind(desk: Desk, kind: Any, minutes: int) -> None:
    case = desk.open(kind)
    assert (case.next_clock, case.next_due_at) == (
        "first_response",
        desk.clock.now() + timedelta(minutes=minutes),
    )
    outer = desk.state("response_limit")
    assert (outer is not None) == (kind == "complaint")


def test_clocks_start_when_the_customer_told_it(desk: Desk) -> None:
    told = desk.clock.now() - timedelta(minutes=50)
    case = desk.open(received_at=told)
    assert (case.opened_at, case.next_due_at) == (told, told + timedelta(hours=1))
    desk.wait(0)
    assert desk.raised("first_response") == [("50", "team:service"), ("80", "team:service")]


def test_whatever_the_customer_is_told_first_is_the_response(desk: Desk) -> None:
    desk.open()
    desk.do("noted")
    assert desk.state("first_response").state == "running"  # type: ignore[union-attr]
    desk.do("updated")
    for clock in ("first_response", "response_limit"):
        assert desk.state(clock).state == "stopped"  # type: ignore[union-attr]
    assert desk.state("solution").state == "running"  # type: ignore[union-attr]


def test_response_and_solution_never_overwrite_each_other(desk: Desk) -> None:
    desk.open()
    desk.wait(2)
    responded_at = desk.clock.now()
    desk.do("responded")
    desk.wait(50)
    desk.do("solved", changes={"category": "product"})
    response, solution = desk.state("first_response"), desk.state("solution")
    assert response is not None
    assert solution is not None
    assert (response.stopped_at, response.breached_at) == (
        responded_at,
        desk.case.opened_at + timedelta(hours=1),
    )
    assert (solution.stopped_at, solution.breached_at) == (
        desk.clock.now(),
        desk.case.opened_at + timedelta(hours=48),
    )
    assert desk.case.breached == ("first_response", "progress", "solution")


def test_only_what_the_customer_is_told_restarts_the_progress(desk: Desk) -> None:
    opened = desk.open().opened_at
    desk.wait(1)
    for verb in ("noted", "categorised", "assigned", "attached", "answered"):
        desk.do(verb)
    assert desk.state("progress").due_at == opened + timedelta(hours=24)  # type: ignore[union-attr]
    desk.do("updated")
    assert desk.state("progress").due_at == desk.clock.now() + timedelta(hours=24)  # type: ignore[union-attr]
    assert desk.state("progress", run=1).stopped_at == desk.clock.now()  # type: ignore[union-attr]
    desk.wait(24)
    assert desk.raised("progress")[:3] == [
        ("50", "team:service"),
        ("80", "team:service"),
        ("100", "team:service"),
    ]


def test_only_a_question_pauses_and_only_the_solution(desk: Desk) -> None:
    opened = desk.open().opened_at
    desk.wait(1)
    desk.do("asked")
    assert desk.state("solution").state == "paused"  # type: ignore[union-attr]
    assert desk.state("progress").state == "running"  # type: ignore[union-attr]
    desk.wait(4)
    desk.do("answered")
    assert desk.state("solution").due_at == opened + timedelta(hours=52)  # type: ignore[union-attr]
    desk.do("answered")
    assert desk.state("solution").due_at == opened + timedelta(hours=52)  # type: ignore[union-attr]


def test_a_pause_ends_by_itself_when_its_limit_is_used_up(desk: Desk) -> None:
    opened = desk.open().opened_at
    for _ in range(2):
        desk.do("asked")
        desk.wait(7)
        assert desk.case.state == "waiting_for_customer"
        desk.do("answered")
    assert desk.state("solution").due_at == opened + timedelta(hours=58)  # type: ignore[union-attr]
    desk.do("asked")
    desk.wait(60)
    assert "solution" in desk.case.breached
    assert [level for level, _ in desk.raised("solution")][:3] == ["50", "80", "100"]


def test_alarms_come_once_each_and_go_up_the_ladder(desk: Desk) -> None:
    desk.open("enquiry", owner="agent-7")
    everything = [TimerOf(*name) for name in desk.memory.timers]
    for _ in range(40):
        desk.wait(0.1)
        desk.fire([timer for timer in everything if timer.clock == "first_response"])
    assert desk.raised("first_response") == [
        ("50", "agent-7"),
        ("80", "agent-7"),
        ("100", "agent-7"),
        ("escalation:0", "agent-7"),
        ("escalation:1", "role:team_lead"),
        ("escalation:2", "role:manager"),
    ]
    late = [alarm.raised_at - alarm.due_at for alarm in desk.memory.alarms]
    assert late[-2:] == [timedelta(minutes=30), timedelta(hours=2)]
    assert desk.case.breached == ("first_response",)
    assert [what for _, what in desk.memory.told] == [["opened"], ["breached:first_response"]]


def test_a_clock_that_stopped_raises_nothing(desk: Desk) -> None:
    desk.open("enquiry")
    timers = [TimerOf(*name) for name in desk.memory.timers]
    desk.do("solved")
    desk.clock.advance(timedelta(days=9))
    desk.fire(timers)
    assert desk.memory.alarms == []
    desk.fire([TimerOf(uuid4(), 1, "solution", 1)])


def test_the_green_channel_has_a_plan_within_two_hours(desk: Desk) -> None:
    desk.open(priority="urgent")
    assert desk.state("plan").due_at == desk.clock.now() + timedelta(hours=2)  # type: ignore[union-attr]
    desk.wait(1)
    desk.do("planned")
    assert desk.state("plan").state == "stopped"  # type: ignore[union-attr]
    assert (desk.case.state, desk.state("first_response").state) == ("in_progress", "stopped")  # type: ignore[union-attr]
    desk.wait(40)
    assert "plan" not in desk.case.breached


def test_becoming_urgent_starts_the_plan_and_becoming_normal_ends_it(desk: Desk) -> None:
    desk.open()
    assert desk.state("plan") is None
    desk.wait(3)
    desk.do("prioritised", changes={"priority": "urgent"})
    assert desk.state("plan").due_at == desk.clock.now() + timedelta(hours=2)  # type: ignore[union-attr]
    desk.do("prioritised", changes={"priority": "high"})
    assert desk.state("plan").state == "stopped"  # type: ignore[union-attr]
    desk.do("prioritised", changes={"priority": "urgent"})
    assert desk.state("plan").state == "running"  # type: ignore[union-attr]


def test_another_team_has_another_promise_and_time_used_stays_used(desk: Desk) -> None:
    opened = desk.open().opened_at
    desk.wait(6)
    desk.do("assigned", changes={"team": "night"})
    assert desk.state("solution").due_at == opened + timedelta(hours=24)  # type: ignore[union-attr]
    with pytest.raises(NoSuchTeam):
        desk.do("assigned", changes={"team": "nobody"})
