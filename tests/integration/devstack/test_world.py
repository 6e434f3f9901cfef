"""A platform that cannot start says why and leaves nothing running."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from guanxi_devstack.ports import find_free_port
from guanxi_devstack.topology import WorldOptions
from guanxi_devstack.world import World, WorldFailed

SPAN = 100


async def test_a_port_in_use_is_named_and_everything_stopped(tmp_path: Path) -> None:
    base = find_free_port(SPAN)
    with socket.create_server(("127.0.0.1", base + 1)):
        world = World(WorldOptions(tmp_path, base_port=base))
        with pytest.raises(WorldFailed, match=rf"port {base + 1} \(profile-api\) is in use"):
            async with world:
                pass
    assert world.postgres is not None
    assert not world.postgres.is_alive()


def test_the_command_says_it_and_fails(tmp_path: Path) -> None:
    base = find_free_port(SPAN)
    command = [sys.executable, "-m", "guanxi_devstack", "run", "--data", str(tmp_path), "--port", str(base)]
    with socket.create_server(("127.0.0.1", base)):
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 1
    assert f"port {base} (gateway) is in use by process" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert not (tmp_path / "dev.env").exists()
    assert not [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(process.info)]


def test_a_demo_without_a_platform_says_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "guanxi_devstack", "demo", "--data", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert "make run" in result.stderr
