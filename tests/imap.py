"""A real IMAP server for tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from guanxi_devstack.ports import find_free_port

START_SECONDS = 60


@contextmanager
def imap_server(user: str, password: str) -> Iterator[int]:
    """Run a server with this one user; yields its port once it listens."""
    port = find_free_port()
    start = "from pymap.main import main; main()"
    address = ["--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    child = subprocess.Popen(
        [sys.executable, "-c", start, *address, "dict", "--demo-user", user, "--demo-password", password],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield port
    finally:
        child.terminate()
        child.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
