"""The export is complete, repeatable, and notices every kind of drift."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from guanxi_contracts.export import REPOSITORY, current_schemas, find_drift, main, release, render


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "packages/contracts/examples", tmp_path / "packages/contracts/examples")
    assert main([], tmp_path) == 0
    return tmp_path


def test_an_export_is_up_to_date_and_repeatable(repository: Path) -> None:
    assert main(["--check"], repository) == 0
    assert find_drift(render(repository), repository) == []


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("packages/contracts/asyncapi.yaml", "differs"),
        ("packages/contracts/schemas/guanxi.score.changed.v1.json", "differs"),
        ("deploy/base/topics.yaml", "differs"),
        ("packages/contracts/schemas/guanxi.cake.baked.v1.json", "belongs to no event type"),
    ],
)
def test_drift_is_named(
    repository: Path, name: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (repository / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert main(["--check"], repository) == 1
    assert f"{name}: {complaint}" in capsys.readouterr().err


def test_a_missing_file_is_drift(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "deploy/base/topics.yaml").unlink()
    assert main(["--check"], repository) == 1
    assert "deploy/base/topics.yaml: is missing" in capsys.readouterr().err


def test_nothing_is_written_over_a_broken_release(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = release("0.1.0", repository)
    schema = folder / "guanxi.score.changed.v1.json"
    schema.write_text(schema.read_text().replace('"revision"', '"version"'))
    (repository / "deploy/base/topics.yaml").unlink()
    assert main([], repository) == 1
    assert "$.data.version: was removed or renamed" in capsys.readouterr().err
    assert not (repository / "deploy/base/topics.yaml").exists()


def test_a_release_never_changes(repository: Path) -> None:
    assert main(["--release", "0.1.0"], repository) == 0
    folder = repository / "packages/contracts/schemas/released/0.1.0"
    assert {path.stem for path in folder.iterdir()} == set(current_schemas())
    with pytest.raises(FileExistsError):
        release("0.1.0", repository)


def test_an_event_type_needs_a_golden_example(repository: Path) -> None:
    (repository / "packages/contracts/examples/guanxi.score.changed.v1.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"guanxi\.score\.changed\.v1"):
        render(repository)


def test_the_package_itself_is_a_command() -> None:
    command = [sys.executable, "-m", "guanxi_contracts"]
    assert subprocess.run([*command, "export", "--check"], check=False).returncode == 0
    usage = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (usage.returncode, usage.stderr[:6]) == (1, "usage:")
