"""Whatever is done about a case in whatever order: each alarm comes once, none is lost, what is owed has its clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction_service.domain.case_clocks import alarms_of
from interaction_service.domain.cases import Kind, NotNow, Verb
from interaction_service.domain.clocks import derive

from .case_memory import Desk, Promises

ACTS: tuple[tuple[Verb, Mapping[str, Any]], ...] = (
    ("responded", {}),
    ("planned", {}),
    ("updated", {}),
    ("asked", {}),
    ("answered", {}),
    ("assigned", {"owner": "agent-7"}),
    ("assigned", {"team": "night"}),
    ("prioritised", {"priority": "urgent"}),
    ("prioritised", {"priority": "normal"}),
    ("reclassified", {"kind": "complaint"}),
    ("reclassified", {"kind": "enquiry"}),
    ("categorised", {"category": "product", "cause": "system_down"}),
    ("linked", {}),
    ("unlinked", {}),
    ("solved", {"category": "product"}),
    ("confirmed", {}),
    ("reopened", {}),
)
HOURS = (0, 0.05, 0.3, 1.3, 5.7, 11, 23, 30)
KINDS: tuple[Kind, ...] = ("complaint", "enquiry", "request")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(KINDS), st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(HOURS)), max_size=12)
)
def test_any_story_of_a_case(kind: Kind, story: list[tuple[tuple[Verb, Mapping[str, Any]], float]]) -> None:
    desk = Desk()
    other = desk.open().case_id
    case_id = desk.open(kind).case_id
    for (verb, changes), hours in [*story, (("noted", {}), 400.0)]:
        desk.wait(hours)
        desk.case_id = case_id
        act(desk, verb, changes, other)
        desk.wait(0)
        check_alarms(desk, case_id)
        check_clocks(desk, case_id)


def act(desk: Desk, verb: Verb, changes: Mapping[str, Any], other: UUID) -> None:
    if verb == "unlinked" and desk.case.duplicate_of is None:
        return
    try:
        if verb == "linked":
            desk.link(other)
        else:
            desk.do(verb, changes=changes)
    except NotNow:
        return


def check_alarms(desk: Desk, case_id: UUID) -> None:
    """Each level of each run was raised once; what is left of a run that goes on has its timer, nothing is overdue."""
    now, rules = desk.clock.now(), Promises()
    raised = [
        (alarm.run.clock, alarm.run.cycle, alarm.run.number, alarm.level) for alarm in of(desk, case_id)
    ]
    assert len(raised) == len(set(raised))
    for name, run in desk.memory.kept.items():
        if name[0] != case_id:
            continue
        if run.is_stopped:
            assert name not in desk.memory.timers
            continue
        state = derive(run.events, now)
        left = [
            alarm.at
            for alarm in alarms_of(state.instant_of, rules.warn, rules.ladder)
            if (run.clock, run.cycle, run.number, alarm.level) not in raised
        ]
        turns = [*left, *([state.resumes_at] if state.resumes_at else [])]
        assert all(at > now for at in left)
        assert desk.memory.timers.get(name) == min(turns, default=None)


def of(desk: Desk, case_id: UUID) -> list[Any]:
    return [alarm for alarm in desk.memory.alarms if alarm.run.case_id == case_id]


def check_clocks(desk: Desk, case_id: UUID) -> None:
    """What is owed has a clock that runs or pauses, of the present cycle; a case that is closed has none."""
    case = desk.memory.cases[case_id]
    going = {
        run.clock: run for name, run in desk.memory.kept.items() if name[0] == case_id and not run.is_stopped
    }
    if not case.is_open:
        assert (going, case.next_due_at) == ({}, None)
        return
    owed = {"progress", "solution"}
    if case.state == "received":
        owed |= {"first_response", "response_limit"} if case.kind == "complaint" else {"first_response"}
    assert owed <= set(going)
    assert {run.cycle for run in going.values()} == {case.cycle}
    due = [derive(run.events, desk.clock.now()).due_at for run in going.values()]
    assert case.next_due_at == min((at for at in due if at is not None), default=None)
