"""Every rule of cases and their clocks, at a clock that only the test moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from interaction_service.application.case_commands import OpenCase, TimerOf
from interaction_service.application.case_ports import NoSuchCause
from interaction_service.application.desk_faults import (
    NoSuchCase,
    NoSuchCustomer,
    NoSuchTeam,
    VersionConflict,
)
from interaction_service.domain.cases import NotNow, Verb

from .case_memory import Desk

ANSWER: dict[str, Any] = {"said": {"text": "we are on it"}}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_complaint_goes_its_way_to_the_review(desk: Desk) -> None:
    case = desk.open()
    assert (case.number, case.state, case.cycle, case.version) == ("S20240501-0001", "received", 1, 1)
    told = []
    for verb, changes in (
        ("responded", {}),
        ("updated", {}),
        ("asked", {}),
        ("answered", {}),
        ("solved", {"category": "service", "cause": "late delivery"}),
        ("confirmed", {}),
        ("reviewed", {}),
    ):
        told.append(desk.do(verb, changes=changes).state)  # type: ignore[arg-type]
    assert told == [
        "responded",
        "in_progress",
        "waiting_for_customer",
        "in_progress",
        "solved",
        "confirmed",
        "reviewed",
    ]
    assert (desk.case.cause, desk.case.is_open, desk.case.next_due_at) == ("late delivery", False, None)
    assert desk.memory.timers == {}
    assert [what for _, what in desk.memory.told] == [
        [each]
        for each in ("opened", "responded", "updated", "asked", "answered", "solved", "confirmed", "reviewed")
    ]
    assert [one.number for one in desk.memory.happenings] == list(range(1, 9))


@pytest.mark.parametrize(
    ("done", "verb"),
    [
        ([], "confirmed"),
        ([], "reviewed"),
        ([], "reopened"),
        (["responded"], "responded"),
        (["solved"], "updated"),
        (["solved"], "asked"),
        (["solved"], "solved"),
        (["solved"], "reviewed"),
        (["solved"], "prioritised"),
        (["solved", "confirmed"], "confirmed"),
    ],
)
def test_a_step_has_its_place(desk: Desk, done: list[Verb], verb: Verb) -> None:
    desk.open("enquiry")
    for each in done:
        desk.do(each)
    before = desk.case
    with pytest.raises(NotNow):
        desk.do(verb)
    assert desk.case == before


def test_a_complaint_needs_a_category_to_be_solved(desk: Desk) -> None:
    desk.open()
    with pytest.raises(NotNow, match="category"):
        desk.do("solved")
    assert desk.do("solved", changes={"category": "product"}).state == "solved"


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


def test_thanks_after_closing_reopen_nothing(desk: Desk) -> None:
    desk.open("request")
    desk.do("solved")
    stopped = desk.state("solution")
    desk.wait(2)
    assert desk.do("answered", said={"text": "thank you"}).state == "solved"
    assert desk.state("solution") == stopped
    assert desk.memory.timers == {}


def test_reopening_is_a_new_cycle_and_the_old_one_stays_as_it_ended(desk: Desk) -> None:
    desk.open("request")
    desk.wait(60)
    desk.do("solved")
    first = desk.state("solution")
    assert "solution" in desk.case.breached
    desk.wait(5)
    case = desk.do("reopened")
    assert (case.state, case.cycle, case.is_open, case.breached, case.closed_at) == (
        "reopened",
        2,
        True,
        (),
        None,
    )
    assert (case.next_clock, case.next_due_at) == ("progress", desk.clock.now() + timedelta(hours=24))
    assert desk.state("solution", cycle=2).due_at == desk.clock.now() + timedelta(hours=48)  # type: ignore[union-attr]
    assert desk.state("first_response", cycle=2) is None
    assert desk.state("solution") == first
    assert desk.do("updated").state == "in_progress"
    assert desk.do("solved").state == "solved"


def test_a_duplicate_links_and_its_clocks_stop(desk: Desk) -> None:
    other = desk.open()
    case = desk.open()
    linked = desk.link(other.case_id)
    assert (linked.duplicate_of, linked.is_open, linked.next_due_at) == (other.case_id, False, None)
    assert {name[0] for name in desk.memory.timers} == {other.case_id}
    with pytest.raises(NotNow):
        desk.do("updated")
    desk.do("noted")
    with pytest.raises(NotNow):
        desk.link(case.case_id)
    assert desk.do("reopened").is_open


def test_a_repeat_does_nothing_and_an_old_version_is_refused(desk: Desk) -> None:
    case = desk.open(key="k")
    assert desk.open(key="k") == case
    desk.do("updated", key="u", version=1)
    desk.do("updated", key="u", version=1)
    assert (desk.case.version, len(desk.memory.happenings)) == (2, 2)
    with pytest.raises(VersionConflict):
        desk.do("updated", version=1)


def test_who_is_not_known_has_no_case(desk: Desk) -> None:
    with pytest.raises(NoSuchCase):
        desk.do("noted", uuid4())
    with pytest.raises(NoSuchTeam):
        desk.open(team="nobody")


async def test_nobodys_case_is_not_opened(desk: Desk) -> None:
    with pytest.raises(NoSuchCustomer):
        await desk.now().open(OpenCase(uuid4(), "request", {}, "agent-1", "service"))


def test_a_cause_says_how_urgent_it_is_and_where_it_lies(desk: Desk) -> None:
    case = desk.open(cause="system_down")
    assert (case.category, case.priority, case.next_clock) == ("product", "urgent", "first_response")
    assert desk.state("plan") is not None
    assert desk.open(cause="system_down", priority="normal").priority == "normal"
    desk.open()
    assert desk.do("solved", changes={"cause": "system_down"}).category == "product"
    with pytest.raises(NoSuchCause):
        desk.open(cause="nobody")
