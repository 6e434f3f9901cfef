"""A copy of a pack to break."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from guanxi_kit.packs import PackError, load_pack

PACKS = Path(__file__).parents[5] / "packs"
Edit = Callable[[str, str, str], None]


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    shutil.copytree(PACKS / "services", tmp_path / "services")
    return tmp_path


@pytest.fixture
def edit(packs: Path) -> Edit:
    def replace(file: str, old: str, new: str) -> None:
        path = packs / "services" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


def problems(packs: Path) -> list[str]:
    with pytest.raises(PackError) as caught:
        load_pack(packs, "services")
    return [str(problem).removeprefix(f"{packs}/services/") for problem in caught.value.problems]
