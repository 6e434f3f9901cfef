"""The demo on the first customers of the file: its counts equal the file's, also when it is repeated."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from guanxi_devstack.demo.command import DemoOptions, run_demo
from guanxi_devstack.dev_env import describe, write_dev_env
from guanxi_devstack.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_counts_equal_the_files_however_often_it_runs(world: World) -> None:
    write_dev_env(world.options.folder / "dev.env", describe(world))
    for _ in range(2):
        shown = io.StringIO()
        code = await run_demo(DemoOptions(world.options.folder, limit=120), Console(file=shown, width=120))
        assert code == 0, shown.getvalue()
        assert "120 customers once each" in shown.getvalue()
