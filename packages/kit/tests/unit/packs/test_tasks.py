"""`tasks.yaml` and `brief.yaml`: mistakes by file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Edit, problems


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "reason"),
    [
        ("tasks", "case: reopened", "case: burnt", "tasks[1].case", "should be"),
        ("tasks", "  case: reopened\n", "", "tasks[1]", "needs one of `case`, `alarm` and `events`"),
        ("tasks", "calendar: always", "calendar: moon", "tasks[0].calendar", "there is no calendar 'moon'"),
        ("tasks", "{var: priority}", "{var: stars}", "tasks[0].when", "cannot be read here"),
        ("tasks", "escalation:1", "escalated", "tasks[3].alarm.level", "should match"),
        ("tasks", "name: help_out", "name: find_why_it_came_back", "tasks[3].name", "more than once"),
        ("brief", "[interests,", "[hobby,", "brief.preferences[0]", "there is no field 'hobby'"),
        ("brief", "{var: cases.open}", "{var: cases.all}", "brief.offers[0].when", "cannot be read here"),
        ("brief", "name: trial", "name: solve_first", "brief.offers[2].name", "more than once"),
    ],
)
def test_mistakes_name_their_place(
    packs: Path, edit: Edit, file: str, old: str, new: str, field: str, reason: str
) -> None:
    edit(f"{file}.yaml", old, new)
    (found,) = problems(packs)
    assert f": {field}" in found, found
    assert reason in found
