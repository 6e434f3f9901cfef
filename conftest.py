"""Fixtures that unit and integration tests of every part share, and how many examples generated tests try."""

import os

import pytest
from hypothesis import HealthCheck, settings

from guanxi_devstack.ports import find_free_port

pytest_plugins = ["guanxi_devstack.pytest_plugin"]

# How long examples take says how busy the machine is.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", UNTIMED, max_examples=50)
settings.register_profile("thorough", UNTIMED, max_examples=1000)
settings.load_profile(os.environ.get("GUANXI_EXAMPLES", "suite"))


@pytest.fixture
def unused_tcp_port() -> int:
    """A free port of this run's range; pytest-asyncio's own lies where Linux finds those of outgoing connections."""
    return find_free_port()
