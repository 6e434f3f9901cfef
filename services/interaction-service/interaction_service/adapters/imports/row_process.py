"""A process that prepares rows for an import's worker: `python -m` this, started by RowProcesses.

It reads frames from its standard input and answers each, in order, on its standard output; it ends with its input, that
is with the worker, however that ended. A frame is its length in four bytes and a pickle: both ends are one program, and
nobody else holds the pipes. Keys come as the first frame, so that they stand neither in a command line nor on a disk.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import sys
from contextlib import suppress
from io import FileIO
from typing import BinaryIO, NamedTuple

from guanxi_kit.crypto import Keyring
from guanxi_kit.logging import configure_logging, get_logger
from guanxi_kit.packs import Pack
from interaction_service.adapters.imports.batches import Batch, Ready, prepare_batch
from interaction_service.application.imports.ports import Row
from interaction_service.application.imports.prepare_rows import PrepareRows
from interaction_service.application.making import make_prepare_rows

NICE = 5
"""A third of the share of a process of usual priority where both want the same core."""
HEAD_BYTES = 4
_PIPE_BYTES = 1024 * 1024
_GC_THRESHOLD = 100_000

_log = get_logger("guanxi.imports")


class Setup(NamedTuple):
    """The first frame: the worker's keys (a keyring's JSON form) and its pack, and whose local phone numbers are."""

    keyring: str
    pack: Pack
    region: str


class Fault(NamedTuple):
    """The answer for a batch that met a fault of the program: its type, because its message may quote a row."""

    kind: str


def frame_of(message: Setup | Batch | Ready | Fault) -> bytes:
    """Return what is sent for a message."""
    if isinstance(message, Batch):
        # Numbers, cells and faults in three columns: a quarter of the time that as many objects take to write.
        message = message._replace(rows=tuple(zip(*message.rows, strict=True)))
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(content).to_bytes(HEAD_BYTES) + content


def serve(source: BinaryIO, target: FileIO) -> None:
    """Answer until the input ends."""
    setup = _read(source)
    if setup is None:
        return
    keyring, pack, region = pickle.loads(setup)  # noqa: S301 (written by the worker that started this process)
    prepare_rows = make_prepare_rows(Keyring.load(keyring), pack, region)
    gc.freeze()
    while (frame := _read(source)) is not None:
        _write(target, frame_of(_answer(prepare_rows, frame)))


def _answer(prepare_rows: PrepareRows, frame: bytes) -> Ready | Fault:
    try:
        batch: Batch = pickle.loads(frame)  # noqa: S301
        return prepare_batch(prepare_rows, batch._replace(rows=list(map(Row, *batch.rows))))
    except Exception as error:
        _log.error("rows not prepared", exc_info=error)
        return Fault(type(error).__name__)


def _read(source: BinaryIO) -> bytes | None:
    """Return the content of the next frame, None where the input ends."""
    length = int.from_bytes(source.read(HEAD_BYTES))
    content = source.read(length)
    return content if length and len(content) == length else None


def _write(target: FileIO, frame: bytes) -> None:
    rest = memoryview(frame)
    while rest:
        rest = rest[target.write(rest) :]


def main() -> None:
    """Serve the process that started this one."""
    os.nice(NICE)
    configure_logging("interaction-service", "import")
    gc.set_threshold(_GC_THRESHOLD, 20, 20)
    with FileIO(1, "wb", closefd=False) as target, suppress(BrokenPipeError):
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            # Room for an answer, so that the next batch need not wait until the worker has taken it.
            with suppress(OSError):
                fcntl.fcntl(target, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        serve(sys.stdin.buffer, target)


if __name__ == "__main__":
    main()
