"""Child processes: stopped politely, killed if need be, and their death is noticed and explained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from guanxi_devstack.children import Child, ChildSpec
from guanxi_kit.testing import eventually

POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("up", flush=True)
signal.pause()
"""
FAILING = "print('cannot find the pack', flush=True); raise SystemExit(3)"


def child(folder: Path, program: str) -> Child:
    command = (sys.executable, "-c", program)
    return Child(ChildSpec("example", command, 0, folder / "logs" / "example.log", dict(os.environ)))


async def test_stops_politely(tmp_path: Path) -> None:
    process = child(tmp_path, POLITE)
    await process.start()
    await eventually(lambda: "up" in process.last_lines())
    await process.stop()
    assert (process.alive, process.exit_code, process.died) == (False, 0, False)


async def test_a_death_is_noticed_with_its_last_lines(tmp_path: Path) -> None:
    process = child(tmp_path, FAILING)
    await process.start()
    await eventually(lambda: process.died)
    assert process.exit_code == 3
    assert "cannot find the pack" in process.last_lines()


async def test_a_kill_that_we_asked_for_is_no_death_and_can_be_undone(tmp_path: Path) -> None:
    process = child(tmp_path, POLITE)
    await process.start()
    first = process.pid
    await process.kill()
    assert (process.exit_code, process.died) == (-signal.SIGKILL, False)
    await process.start()
    assert process.pid not in (None, first)
    await process.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of the death only on Linux")
async def test_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from guanxi_devstack.children import Child, ChildSpec\n"
        "async def main():\n"
        "    command = (sys.executable, '-c', 'import signal; signal.pause()')\n"
        "    child = Child(ChildSpec('orphan', command, 0, Path(sys.argv[1]) / 'x.log', dict(os.environ)))\n"
        "    await child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        orphan = int(parent.stdout.readline())
    assert psutil.pid_exists(orphan)
    parent.kill()
    parent.wait()
    await eventually(lambda: not psutil.pid_exists(orphan))
