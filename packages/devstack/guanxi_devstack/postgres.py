"""An embedded PostgreSQL server under our own supervision, for one machine to try, develop and test on."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO
from urllib.parse import quote

import psutil

from guanxi_devstack.ports import find_free_port, is_free
from guanxi_devstack.postgres_binaries import PINNED_MAJOR, PostgresUnavailable, binaries, launcher

SUPERUSER = "postgres"
START_SECONDS = 60.0
STOP_SECONDS = 60.0


def _shared_buffers() -> str:
    """An eighth of the machine's memory, which is only taken as tables grow to fill it; within 256 MB and 4 GB."""
    eighth = psutil.virtual_memory().total // 8
    return f"{min(max(eighth >> 20, 256), 4096)}MB"


# For two cores beside other processes: modest memory, safe commits, and autovacuum that keeps up
# with hot rows. Statements and values never reach the server's log, since they may hold personal data.
CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    # Our passwords are random keys of 192 bits and more, which no repetition makes harder to guess.
    "scram_iterations": "256",
    "timezone": "UTC",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "shared_buffers": _shared_buffers(),
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "4GB",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "random_page_cost": "1.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "10s",
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_insert_scale_factor": "0.2",
    "autovacuum_vacuum_cost_limit": "1000",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}


class DatabaseStopped(Exception):
    """The embedded PostgreSQL did not start or died; the message ends with its last log lines."""


class EmbeddedPostgres:
    """One PostgreSQL server whose files lie in `folder`, for as long as this object keeps it started.

    `port` None takes a free one and keeps it while it can. `settings` go before CONFIGURATION. One process at a time
    may hold a folder: a second start raises DatabaseStopped, and a server left by a killed holder is shut down first.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, settings: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log_file = self.folder / "postgres.log"
        self._settings = {**CONFIGURATION, **settings}
        self._wanted_port = port
        self.port = port or 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def password(self) -> str:
        """Password of the superuser, kept in a file that only its owner reads."""
        return self._password_file.read_text().strip()

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._process.pid if self._process is not None and self.is_alive() else None

    def dsn(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """Connection string of a database for a user (the superuser unless told)."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def is_alive(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Create the files at the first time, start, and return once it takes connections."""
        if self.is_alive():
            return
        self._take_folder()
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        elif (version := (self.data / "PG_VERSION").read_text().strip()) != str(PINNED_MAJOR):
            raise PostgresUnavailable(f"{self.data} is of PostgreSQL {version}, this is {PINNED_MAJOR}")
        self._give_files_to_owner()
        self._stop_leftover()
        self._start_until(time.monotonic() + START_SECONDS)

    def stop(self) -> None:
        """Shut down cleanly (open transactions are rolled back) and let go of the folder."""
        if self._process is not None:
            for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                if self._process.poll() is None:
                    self._process.send_signal(order)
                    _wait(self._process, STOP_SECONDS)
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """Kill the server like a power cut of its process would (SIGKILL); `start` brings it back."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def _password_file(self) -> Path:
        return self.folder / "superuser.password"

    def _take_folder(self) -> None:
        if self._lock is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise DatabaseStopped(f"the database in {self.folder} is in use by another process") from None
        self._lock = lock

    def _create_cluster(self) -> None:
        unfinished = self.folder / "data.new"
        subprocess.run(["rm", "-rf", str(unfinished)], check=True)
        descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
        unfinished.mkdir(mode=0o700)
        self._chown(self._password_file, unfinished)
        subprocess.run(
            [
                *launcher().prefix,
                str(binaries() / "initdb"),
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                f"--pwfile={self._password_file}",
                "--encoding=UTF8",
                "--locale=C",
                "--auth=scram-sha-256",
                "--no-instructions",
            ],
            check=True,
            capture_output=True,
            env=_environment(),
        )
        unfinished.rename(self.data)

    def _chown(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, launcher().owner, -1)

    def _give_files_to_owner(self) -> None:
        if os.geteuid() == 0 and self.data.stat().st_uid != launcher().owner:
            self._chown(self.data, self._password_file, *self.data.rglob("*"))

    def _stop_leftover(self) -> None:
        """Shut down the server of a holder that was killed: we hold the folder, so nobody else uses it."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            leftover = psutil.Process(pid)
            if leftover.name() != "postgres":
                return
            leftover.send_signal(signal.SIGINT)
            leftover.wait(STOP_SECONDS)
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            return

    def _start_until(self, deadline: float) -> None:
        while True:
            self.port = self._wanted_port or self._previous_port() or find_free_port()
            self._process = self._spawn()
            if self._wait_ready(deadline):
                return
            # For a few seconds after a crash the dead server's shared memory counts as in use: try again.
            reason = self._last_log_lines()
            transient = any(sign in reason for sign in _TRANSIENT) or self._wanted_port is None
            if time.monotonic() > deadline or not transient:
                self.stop()
                raise DatabaseStopped(f"the embedded PostgreSQL did not start:\n{reason}")
            time.sleep(0.2)

    def _previous_port(self) -> int | None:
        # Connection strings already handed out stay true after a crash.
        return self.port if self.port and is_free(self.port) else None

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        command = [
            *launcher().prefix,
            str(binaries() / "postgres"),
            "-D",
            str(self.data),
            f"--port={self.port}",
        ]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [*command, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )

    def _wait_ready(self, deadline: float) -> bool:
        assert self._process is not None
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._state() == "ready":
                return True
            time.sleep(0.02)
        return False

    def _state(self) -> str:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return ""
        mine = self._process is not None and lines[:1] == [str(self._process.pid)]
        return lines[7].strip() if mine and len(lines) > 7 else ""

    def _last_log_lines(self, count: int = 8) -> str:
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-count:])


_TRANSIENT = ("pre-existing shared memory block", "lock file", "is the old server process")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
