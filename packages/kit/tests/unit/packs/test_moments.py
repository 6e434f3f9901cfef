"""`moments.yaml`: the moments of the services pack, and mistakes by file, line and field."""

from pathlib import Path

import pytest

from guanxi_kit.packs import load_pack

from .conftest import PACKS, Edit, problems


def test_the_services_pack_declares_what_the_handbook_names() -> None:
    pack = load_pack(PACKS, "services")
    labels = {moment.labels.zh: moment.first for moment in pack.moments}
    assert {
        "首次咨询": True,
        "高意向信号": False,
        "首次购买": True,
        "投诉": False,
        "里程碑": False,
    }.items() <= (labels.items())
    assert {"message", "text"} <= set(pack.events.searchable)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: complaint", "name: milestone", "moments[6].name: milestone is declared more than once"),
        ("var: properties.stars", "var: stars", "moments[5].when.<=[0].var: 'stars' cannot be read here"),
        ("  events: [Review Posted]\n", "", "moments[5]: needs `events`, `kinds` or `purchase: true`"),
        ("  events: [Review Posted]", "  kinds: [review]", "moments[5].kinds[0]: Input should be"),
    ],
)
def test_every_mistake_is_named(packs: Path, edit: Edit, old: str, new: str, expected: str) -> None:
    edit("moments.yaml", old, new)
    (found,) = problems(packs)
    assert found.startswith("moments.yaml:")
    assert expected in found
