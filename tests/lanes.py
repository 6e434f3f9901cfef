"""`make test`: types and every test in four lanes side by side, because a test mostly waits.

One lane tries the gateway and then every door of a platform, one is what else starts platforms, one the services
that hold most, one everything else. Each has ports and databases of its own. The last is shown as it goes, the others
when they have ended; the exit status is 1 when anything failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

# A platform that was started once for all tests runs until the last of its lane: what does without comes first.
DOORS = (
    "tests/integration/gateway",
    "tests/e2e/sdk",
    "tests/e2e/test_security.py",
    "tests/e2e/test_api_fuzz.py",
)
PLATFORMS = ("tests/integration/operators", "tests/chaos", "tests/e2e")
SERVICES = tuple(f"tests/integration/{name}" for name in ("profile", "interaction", "privacy"))
PYTEST = (sys.executable, "-m", "pytest")
LANES = {
    "doors": ((*PYTEST, *DOORS),),
    "platforms": ((*PYTEST, *PLATFORMS, *(f"--ignore={door}" for door in DOORS)),),
    "services": ((*PYTEST, *SERVICES),),
    "parts": (
        ("make", "--no-print-directory", "types"),
        (*PYTEST, *(f"--ignore={folder}" for folder in (*DOORS, *PLATFORMS, *SERVICES))),
    ),
}
PORTS = {
    "doors": "20000-22999",
    "platforms": "23000-25999",
    "services": "26000-28999",
    "parts": "29000-32000",
}
SHOWN = "parts"


def main() -> int:
    """Run all lanes."""
    started = time.monotonic()
    running: dict[str, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory() as folder:
        logs = {name: Path(folder) / f"{name}.log" for name in LANES if name != SHOWN}
        try:
            for name, log in logs.items():
                with log.open("wb") as output:
                    running[name] = _start(name, output.fileno())
            running[SHOWN] = _start(SHOWN, None)
            running[SHOWN].wait()
            for name, log in logs.items():
                sys.stdout.write(f"\nThe lane {name}:\n")
                _show(log, running[name])
        finally:
            for process in running.values():
                process.terminate()
                process.wait()
    failed = [name for name, process in running.items() if process.returncode]
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    sys.stdout.write(
        f"\n{'FAILED: ' + ', '.join(failed) if failed else 'All passed'} in {minutes}:{seconds:02} min\n"
    )
    return 1 if failed else 0


def lane(steps: Sequence[Sequence[str]]) -> int:
    """Run the steps of one lane, all of them whatever fails."""
    return max(subprocess.run(step, check=False).returncode for step in steps)


def _start(name: str, output: int | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (sys.executable, "-m", "tests.lanes", name),
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=os.environ | {"GUANXI_PORT_RANGE": PORTS[name]},
    )


def _show(log: Path, running: subprocess.Popen[bytes]) -> None:
    """Print what a lane has written, and go on until it has ended."""
    with log.open("rb") as lines:
        while True:
            ended = running.poll() is not None
            sys.stdout.write(lines.read().decode(errors="replace"))
            sys.stdout.flush()
            if ended:
                return
            time.sleep(0.2)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name]:
            sys.exit(lane(LANES[name]))
        case _:
            sys.exit(main())
