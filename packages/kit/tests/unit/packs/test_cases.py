"""`cases.yaml`: causes, events that open cases, and mistakes by file, line and field."""

from pathlib import Path

import pytest

from guanxi_kit.packs import load_pack

from .conftest import PACKS, Edit, problems


def test_the_services_pack_has_causes_of_every_category_and_a_green_channel() -> None:
    causes = load_pack(PACKS, "services").cases.causes
    assert {cause.category for cause in causes.values()} == {"product", "service", "communication"}
    assert {name for name, cause in causes.items() if cause.priority == "urgent"} == {
        "system_down",
        "grave_complaint",
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("category: product}", "category: weather}", "cases.causes.defect.category: Input should be"),
        (
            "kind: complaint,",
            "kind: complaint, cause: rain,",
            "cases.opened_by[0].cause: there is no cause 'rain'",
        ),
        (
            "Question Asked",
            "Complaint Submitted",
            "cases.opened_by[1].event: 'Complaint Submitted' opens a case already",
        ),
        (
            "kind: complaint,",
            "kind: complaint, when: {'==': [{var: weather}, rain]},",
            "cases.opened_by[0].when",
        ),
    ],
)
def test_every_mistake_is_named(packs: Path, edit: Edit, old: str, new: str, expected: str) -> None:
    edit("cases.yaml", old, new)
    (found,) = problems(packs)
    assert found.startswith("cases.yaml:")
    assert expected in found
