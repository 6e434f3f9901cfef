"""`make run` as a person uses it: copy the two lines, stop it, start it again, see it fail plainly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from guanxi_devstack.dev_env import read_dev_env
from guanxi_devstack.ports import find_free_port

START_SECONDS = 120
SPAN = 100


class Platform:
    """A running `guanxi-dev run`."""

    def __init__(self, folder: Path, base: int) -> None:
        self.folder = folder
        self.output = folder / "output.txt"
        command = [sys.executable, "-m", "guanxi_devstack", "run", "--data", str(folder), "--port", str(base)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GUANXI_")}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while words not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def children(self) -> list[Any]:
        return list(psutil.Process(self.process.pid).children(recursive=True))


@contextmanager
def running(folder: Path, base: int) -> Iterator[Platform]:
    platform = Platform(folder, base)
    try:
        platform.wait_for("Read the unified view:")
        yield platform
    finally:
        if platform.process.poll() is None:
            platform.process.send_signal(signal.SIGINT)
        platform.process.wait(60)


def printed_line(platform: Platform, heading: str) -> str:
    lines = platform.text.splitlines()
    return lines[lines.index(heading) + 1]


def shell(line: str) -> str:
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.mark.timeout(600)
def test_the_printed_lines_work_the_data_outlive_a_stop_and_a_dead_child_is_named(tmp_path: Path) -> None:
    folder, base = tmp_path, find_free_port(SPAN)
    with running(folder, base) as platform:
        assert json.loads(shell(printed_line(platform, "Post a touchpoint:")))["accepted"] == 2
        read = printed_line(platform, "Read the unified view:")
        view = _read_until_purchase(read)
        assert view["purchases"]["amount_minor"] == 4250
        values = read_dev_env(folder / "dev.env")
        assert {"GUANXI_URL", "GUANXI_WRITE_KEY", "GUANXI_STAFF_TOKEN"} <= set(values)
        children = platform.children()
        assert len(children) >= 9
    assert platform.process.returncode == 0, platform.text
    assert not any(child.is_running() for child in children)
    assert not (folder / "dev.env").exists()

    with running(folder, base) as platform:
        assert _read_until_purchase(printed_line(platform, "Read the unified view:")) == view
        children = platform.children()
        victim = next(child for child in children if "scoring_service worker" in " ".join(child.cmdline()))
        victim.kill()
        platform.process.wait(60)
    assert platform.process.returncode == 1
    assert "scoring-worker died (exit code -9" in platform.text
    assert not any(child.is_running() for child in children)


def _read_until_purchase(line: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        answered = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=30)
        view = json.loads(answered.stdout) if answered.returncode == 0 else {}
        if view.get("purchases", {}).get("count") == 1 and "rfm" in view.get("scores", {}):
            return dict(view)
        assert time.monotonic() < deadline, answered
        time.sleep(0.1)
