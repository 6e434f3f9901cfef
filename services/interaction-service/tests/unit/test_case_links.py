"""Linking cases, saying that they are of another kind, and what follows from a cause that is found later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from interaction_service.application.case_commands import Act
from interaction_service.domain.cases import Case, NotNow

from .case_memory import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nothing_that_is_owed_is_lost_by_a_link(desk: Desk) -> None:
    complaint, enquiry, closed = desk.open(), desk.open("enquiry"), desk.open("request")
    desk.do("solved")
    desk.case_id = complaint.case_id
    for other, why in ((closed, "closed"), (enquiry, "complaint only"), (complaint, "itself")):
        with pytest.raises(NotNow, match=why):
            desk.link(other.case_id)
    desk.case_id = enquiry.case_id
    assert desk.link(complaint.case_id).duplicate_of == complaint.case_id
    another = desk.open()
    desk.case_id = complaint.case_id
    with pytest.raises(NotNow, match="other cases are linked"):
        desk.link(another.case_id)


def test_a_link_that_is_repeated_stays_though_the_other_case_is_solved(desk: Desk) -> None:
    other, case = desk.open(), desk.open()
    act = Act(case.case_id, "linked", "agent-1", key="k")
    run(desk, act, other.case_id)
    desk.do("solved", other.case_id, changes={"category": "service"})
    assert run(desk, act, other.case_id).duplicate_of == other.case_id


def run(desk: Desk, act: Act, other: UUID) -> Case:
    return asyncio.run(desk.now().link(act, other))


def test_a_link_that_is_taken_away_leaves_everything_owed_again(desk: Desk) -> None:
    other, case = desk.open(), desk.open()
    desk.wait(2)
    desk.link(other.case_id)
    desk.wait(3)
    parted = desk.do("unlinked", case.case_id)
    assert (parted.is_open, parted.state, parted.cycle, parted.duplicate_of) == (True, "received", 1, None)
    for clock in ("first_response", "response_limit", "progress", "solution"):
        assert desk.state(clock).started_at == desk.clock.now()  # type: ignore[union-attr]
    assert parted.next_clock == "first_response"


def test_a_question_that_is_a_complaint_has_its_promises_from_when_it_was_told(desk: Desk) -> None:
    opened = desk.open("enquiry").opened_at
    desk.wait(0.1)
    case = desk.do("reclassified", changes={"kind": "complaint"})
    assert (case.kind, case.next_due_at) == ("complaint", opened + timedelta(hours=1))
    assert desk.state("response_limit").due_at == opened + timedelta(hours=24)  # type: ignore[union-attr]
    desk.do("reclassified", changes={"kind": "enquiry"})
    assert desk.state("response_limit").state == "stopped"  # type: ignore[union-attr]
    desk.do("responded")
    desk.do("reclassified", changes={"kind": "complaint"})
    assert desk.state("response_limit").state == "stopped"  # type: ignore[union-attr]


def test_a_cause_found_later_makes_a_case_urgent_and_none_makes_it_less(desk: Desk) -> None:
    desk.open()
    case = desk.do("categorised", changes={"category": "product", "cause": "system_down"})
    assert case.priority == "urgent"
    assert desk.state("plan").due_at == desk.clock.now() + timedelta(hours=2)  # type: ignore[union-attr]
    assert desk.memory.happenings[-1].detail == {
        "priority": "urgent",
        "category": "product",
        "cause": "system_down",
        "was": {"priority": "normal", "category": None, "cause": None},
    }
    desk.do("solved")
    desk.do("reopened")
    desk.do("prioritised", changes={"priority": "normal"})
    desk.do("solved", changes={"cause": "system_down"})
    assert (
        desk.do("categorised", changes={"category": "product", "cause": "system_down"}).priority == "normal"
    )


def test_giving_a_closed_case_to_a_team_starts_no_clock(desk: Desk) -> None:
    desk.open("request")
    desk.do("solved")
    desk.do("assigned", changes={"team": "night"})
    assert (desk.memory.timers, desk.case.next_due_at) == ({}, None)
