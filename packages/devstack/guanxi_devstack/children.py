"""A child process of ours: started apart from the terminal, watched, stopped with patience."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 30.0
ROTATE_BYTES = 20_000_000
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ChildSpec:
    """What to run: `name` for people, `port` where it answers /readyz, output appended to `log_file`."""

    name: str
    command: Sequence[str]
    port: int
    log_file: Path
    environment: Mapping[str, str] = field(repr=False)


class Child:
    """One process of a ChildSpec, which can be started again after it ended."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self._process: asyncio.subprocess.Process | None = None
        self._expected_to_end = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def died(self) -> bool:
        """Whether it ended without being told to."""
        return self._process is not None and not self.alive and not self._expected_to_end

    @property
    def exit_code(self) -> int | None:
        """Exit code once it ended (minus the signal's number when a signal ended it)."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        """Start the process if it does not run."""
        if self.alive:
            return
        self._expected_to_end = False
        self.spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.spec.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.spec.environment),
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    async def stop(self) -> None:
        """Ask it to finish (SIGTERM), and insist (SIGKILL) after 30 seconds."""
        self._expected_to_end = True
        if self._process is None or not self.alive:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._expected_to_end = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def last_lines(self, count: int = 12) -> str:
        """The end of its output."""
        return last_lines(self.spec.log_file, count)


def last_lines(path: Path, count: int) -> str:
    """The last `count` lines of a text file, empty if there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])


def rotate(path: Path) -> None:
    """Put a log aside when it has grown large, so that the folder stays bounded."""
    if path.exists() and path.stat().st_size > ROTATE_BYTES:
        path.replace(path.with_suffix(".log.1"))


def _end_with_parent() -> None:
    # If we are killed, nobody else would end our children; the kernel then tells them to stop.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
