"""The life of a case, at a clock that only the test moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from interaction_service.application.case_commands import OpenCase
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
    assert desk.do("noted", key="u").version == 3, "another act under the same key is no repeat"
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
