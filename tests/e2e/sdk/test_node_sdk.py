"""@segment/analytics-node, unchanged, at the version of the lock file."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from .conftest import WRITE_KEY, IngestApi

SOURCE = Path(__file__).parent / "node"
INSTALLED = Path(__file__).parents[3] / ".guanxi" / "node"
OLDEST_NODE = 20


def node_version() -> int:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return 0
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").partition(".")[0])


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The folder with the script and the installed SDK; installed once for each lock file."""
    if node_version() < OLDEST_NODE:
        pytest.skip(f"Node.js {OLDEST_NODE} or later with npm is not installed")
    lock = (SOURCE / "package-lock.json").read_bytes()
    folder = INSTALLED / f"sdk-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in SOURCE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    if not (folder / "node_modules" / "@segment" / "analytics-node").is_dir():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip(f"npm could not install the SDK: {done.stderr[-300:]}")
    return folder


def send(sdk: Path, url: str, write_key: str) -> Any:
    command = ["node", "send.mjs", url, write_key]
    done = subprocess.run(command, cwd=sdk, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_all_calls_arrive(ingest: IngestApi, sdk: Path) -> None:
    assert send(sdk, ingest.url, WRITE_KEY) == []
    by_kind = {touchpoint.kind: touchpoint for touchpoint in ingest.received()}
    assert set(by_kind) == {"identify", "track", "page", "screen", "group", "alias"}
    assert [ref.type for ref in by_kind["identify"].identifiers] == ["user_id", "phone", "email"]
    assert ingest.opened(by_kind["identify"])["traits"]["name"] == "林"
    track = by_kind["track"]
    assert track.purchase is not None
    assert (track.purchase.amount_minor, track.purchase.currency) == (5850, "CNY")
    age = datetime.now(UTC) - track.occurred_at
    assert abs(age - timedelta(days=300)) < timedelta(minutes=2)
    assert ingest.opened(track)["context"]["library"]["name"] == "@segment/analytics-node"
    assert [ref.type for ref in by_kind["alias"].identifiers] == ["user_id", "anonymous_id"]


def test_a_message_sent_again_is_the_same_touchpoint(ingest: IngestApi, sdk: Path) -> None:
    send(sdk, ingest.url, WRITE_KEY)
    send(sdk, ingest.url, WRITE_KEY)
    tracks = [touchpoint for touchpoint in ingest.received() if touchpoint.kind == "track"]
    assert len(tracks) == 2
    assert len({touchpoint.touchpoint_id for touchpoint in tracks}) == 1


def test_a_wrong_key_is_told(ingest: IngestApi, sdk: Path) -> None:
    errors = send(sdk, ingest.url, "wrong-write-key-0001")
    assert errors
    assert ingest.received() == []
