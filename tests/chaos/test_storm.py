"""The short form of `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.storm import storm

from guanxi_devstack.topology import WorldOptions


@pytest.mark.slow
@pytest.mark.timeout(1000)
async def test_sixty_seconds_of_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    options = WorldOptions(tmp_path, base_port=None, workers=2, partitions=4)
    await storm(options, seconds=60, people=100, seed=20261121, tell=print)
