"""Fixtures that unit and integration tests of every part share."""

pytest_plugins = ["guanxi_devstack.pytest_plugin"]
