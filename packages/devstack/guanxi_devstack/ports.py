"""Free and occupied TCP ports of this machine."""

from __future__ import annotations

import contextlib
import os
import random
import socket

import psutil

DEFAULT_PORT = 8080
# Below the range from which Linux gives ports to outgoing connections, so that none of those can take ours.
FIRST_PORT, LAST_PORT = 20_000, 32_000
RANGE_VARIABLE = "GUANXI_PORT_RANGE"
"""`20000-25999`: keeps those who choose ports at the same time out of each other's way."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def find_free_port(count: int = 1) -> int:
    """A port that is free now, and so are the `count` - 1 that follow it. Raises OSError when none is found."""
    first, last = map(int, os.environ.get(RANGE_VARIABLE, f"{FIRST_PORT}-{LAST_PORT}").split("-"))
    for _ in range(200):
        port = random.randint(first, last - count + 1)  # noqa: S311 - a port is no secret
        if all(is_free(each) for each in range(port, port + count)):
            return port
    raise OSError(f"no free port between {first} and {last}")


def holder_of(port: int) -> int | None:
    """Process id of the one that listens on `port`, if this user may know it."""
    with contextlib.suppress(psutil.AccessDenied):
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr and connection.laddr.port == port:
                return connection.pid
    return None
