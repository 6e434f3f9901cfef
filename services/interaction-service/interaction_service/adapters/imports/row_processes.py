"""Processes of lower priority that prepare rows: an import neither stalls its worker nor is bound to one core."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections import deque
from contextlib import suppress
from typing import Any

from guanxi_kit.crypto import Keyring
from guanxi_kit.jobs import JobFailed
from guanxi_kit.logging import get_logger
from guanxi_kit.packs import Pack
from interaction_service.adapters.imports import row_process
from interaction_service.adapters.imports.batches import Batch, Ready
from interaction_service.adapters.imports.row_process import HEAD_BYTES, Fault, Setup, frame_of

MOST = 3
"""What reads and writes for them, the worker, keeps no more than these busy."""
_IDLE_SECONDS = 30.0
_BUFFER_BYTES = 8 * 1024 * 1024

_log = get_logger("guanxi.imports")


class ProcessDied(ConnectionError):
    """A process ended before it had answered; the rows can be prepared again."""


class RowProcesses:
    """Starts a process whenever all there are have something to do, as many as there are cores, MOST at most.

    They end when nobody has asked for anything for half a minute, and with this process, however it ends.
    """

    def __init__(self, keyring: Keyring, pack: Pack, region: str) -> None:
        """`pack` is what the worker itself goes by, whatever its file says by now."""
        self.most = min(MOST, os.cpu_count() or 1)
        self.idle_seconds = _IDLE_SECONDS
        self._keyring = keyring
        self._pack = pack
        self._region = region
        self._keys: Any = None
        self._children: list[_Child] = []
        self._ended: set[_Child] = set()
        self._starting = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def prepare(self, batch: Batch) -> Ready:
        """Return what comes of a batch. Raises ConnectionError, and JobFailed for a fault of the program."""
        frame = frame_of(batch)
        async with self._starting:
            child = await self._least_busy()
        answer: Ready | Fault = pickle.loads(await child.ask(frame))  # noqa: S301 (from a process of this program)
        if isinstance(answer, Fault):
            raise JobFailed(f"failed with {answer.kind}")
        return answer

    async def close(self) -> None:
        """End the processes at once: they hold nothing that is not read again."""
        if self._idle is not None:
            self._idle.cancel()
        self._let_go()
        await asyncio.gather(*(child.kill() for child in self._ended))

    async def _least_busy(self) -> _Child:
        self._watch_idleness()
        keys = self._keyring.primary_key_id, self._keyring.key_ids
        if keys != self._keys:
            self._let_go()
            self._keys = keys
        self._children = [child for child in self._children if child.alive]
        if len(self._children) < self.most and all(child.busy for child in self._children):
            self._children.append(await self._start())
        return min(self._children, key=lambda child: child.busy)

    async def _start(self) -> _Child:
        setup = Setup(self._keyring.to_json(), self._pack, self._region)
        try:
            # In a session of its own, so that what a terminal sends reaches the worker only, which then ends it.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", row_process.__name__, stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, limit=_BUFFER_BYTES, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            # For want of memory or of processes: whoever has too many of them may let go.
            raise ConnectionError("no process could be started") from error
        return _Child(process, frame_of(setup))

    def _let_go(self) -> None:
        """Have the processes end with what they have in hand."""
        self._ended = {child for child in (*self._ended, *self._children) if child.alive}
        self._children = []
        for child in self._ended:
            child.finish()

    def _watch_idleness(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self.idle_seconds, self._let_go)


class _Child:
    """A process and the answers that are expected of it, in the order asked."""

    def __init__(self, process: asyncio.subprocess.Process, setup: bytes) -> None:
        self._process = process
        self._asked: deque[asyncio.Future[bytes]] = deque()
        self._may_end = False
        self._send(setup)
        self._listening = asyncio.create_task(self._listen(), name="import-process")

    @property
    def alive(self) -> bool:
        """Whether it may still answer."""
        return not self._listening.done()

    @property
    def busy(self) -> int:
        """How many answers are expected."""
        return len(self._asked)

    async def ask(self, frame: bytes) -> bytes:
        """Return the answer. Raises ProcessDied."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._send(frame)
        return await answer

    def finish(self) -> None:
        """Let it end once it has answered what was asked."""
        assert self._process.stdin is not None
        self._may_end = True
        self._process.stdin.close()

    async def kill(self) -> None:
        """End it and wait until it is gone."""
        self._may_end = True
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._listening

    def _send(self, frame: bytes) -> None:
        # Not waited for: what may lie here is bounded by how far an import reads ahead.
        assert self._process.stdin is not None
        self._process.stdin.write(frame)

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        output = self._process.stdout
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await output.readexactly(HEAD_BYTES))
                content = await output.readexactly(length)
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_result(content)
        status = await self._process.wait()
        if not self._may_end:
            _log.warning("import process ended", status=status, unanswered=len(self._asked))
        self.finish()
        while self._asked:
            answer = self._asked.popleft()
            if not answer.done():
                answer.set_exception(ProcessDied(f"a process ended with {status}"))
