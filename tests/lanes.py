"""`make test`: types and every test in two lanes side by side, because a test mostly waits.

One lane is what starts whole platforms and brokers, the other everything else. Each has ports and databases of its own.
The second lane is shown as it goes, the first when it has ended; the exit status is 1 when anything failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PLATFORM = ("tests/e2e", "tests/chaos", "tests/integration/log", "tests/integration/deploy")
PORTS = {"platform": "20000-25999", "parts": "26000-32000"}
PYTEST = (sys.executable, "-m", "pytest")
PLATFORM_STEPS = (("make", "--no-print-directory", "types"), (*PYTEST, *PLATFORM))
PARTS_STEPS = ((*PYTEST, *(f"--ignore={folder}" for folder in PLATFORM)),)


def main() -> int:
    """Run both lanes."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        shown_later = Path(folder) / "platform.log"
        with shown_later.open("wb") as output:
            platform = _start("platform", output.fileno())
        try:
            parts = _start("parts", None).wait()
            sys.stdout.write("\nWhole platforms and brokers:\n")
            _show(shown_later, platform)
        finally:
            platform.terminate()
            platform.wait()
    failed = [name for name, code in (("parts", parts), ("platform", platform.returncode)) if code]
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
        case ["platform"]:
            sys.exit(lane(PLATFORM_STEPS))
        case ["parts"]:
            sys.exit(lane(PARTS_STEPS))
        case _:
            sys.exit(main())
