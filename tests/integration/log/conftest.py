"""A workbench per test on the engine that the test's class names."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.integration.log.harness import Engine, Workbench


@pytest.fixture
async def bench(engine: Engine) -> AsyncIterator[Workbench]:
    """Clients and topics of this test; stopped afterwards."""
    workbench = Workbench(engine)
    yield workbench
    await workbench.close()
