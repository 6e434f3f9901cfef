"""Runs a dispatch again and again beside the consumer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from guanxi_kit.db import is_transient
from guanxi_kit.logging import get_logger

_log = get_logger("notification.dispatch")


class Dispatch(Protocol):
    """Sends what is due, a batch a turn."""

    async def run_once(self) -> int:
        """Take one batch of what is due as far as it goes, and return how many it had."""
        ...


class DispatchLoop:
    """A part of the worker process. A transient fault is tried again at the next turn; any other ends the process."""

    def __init__(self, dispatcher: Dispatch, *, poll_seconds: float) -> None:
        self._dispatcher = dispatcher
        self._poll_seconds = poll_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Send what is due until stopped, without a pause while there is more."""
        while not self._stopping.is_set():
            try:
                if await self._dispatcher.run_once():
                    continue
            except Exception as error:
                if not is_transient(error):
                    raise
                _log.warning("dispatch.retried", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return after the batch in hand."""
        self._stopping.set()
