"""Fixtures that unit and integration tests of every part share, and how many examples generated tests try."""

import os

from hypothesis import settings

pytest_plugins = ["guanxi_devstack.pytest_plugin"]

settings.register_profile("suite", max_examples=50, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("GUANXI_EXAMPLES", "suite"))
