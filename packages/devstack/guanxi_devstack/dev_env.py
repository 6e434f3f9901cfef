"""`.guanxi/dev.env`: how to reach the running platform, as shell assignments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from guanxi_devstack.credentials import write_private
from guanxi_devstack.world import World


class NotRunning(Exception):
    """There is no platform to reach; the message says what to do."""


def describe(world: World) -> dict[str, str]:
    """The values that a user of the platform needs."""
    tokens = world.credentials
    return {
        "GUANXI_URL": world.url,
        "GUANXI_WRITE_KEY": tokens.write_keys["web"],
        "GUANXI_DEMO_WRITE_KEY": tokens.write_keys["demo"],
        "GUANXI_STAFF_TOKEN": tokens.token("agent"),
        "GUANXI_ANALYST_TOKEN": tokens.token("analyst"),
        "GUANXI_ADMIN_TOKEN": tokens.token("admin"),
        "GUANXI_MAILBOX_DIR": str(world.options.folder / "mailbox"),
    }


def write_dev_env(path: Path, values: Mapping[str, str]) -> None:
    """Write the values so that `. dev.env` sets them in any shell; only the owner can read them."""
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))


def read_dev_env(path: Path) -> dict[str, str]:
    """The values of a running platform. Raises NotRunning when there are none."""
    if not path.exists():
        raise NotRunning(f"{path} does not exist: start the platform first (make run)")
    assignments = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in assignments}
