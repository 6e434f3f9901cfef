"""Moves erasures on beside the consumer, and tells operators."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

from guanxi_kit.db import is_transient
from guanxi_kit.log.port import LogError
from guanxi_kit.logging import get_logger
from profile_service.adapters.erasure_metrics import PARTNER_CALLS, REQUESTS
from profile_service.application.advance_erasures import AdvanceErasures
from profile_service.domain.erasure import RequestState

_log = get_logger("profile.erasures")


class LoggedNotices:
    """The `Notices` port: log and metrics."""

    def called(self, outcome: str) -> None:
        """Count a call to a partner."""
        PARTNER_CALLS.labels(outcome=outcome).inc()

    def alarmed(self, request_id: UUID, state: RequestState) -> None:
        """Tell that a request takes too long."""
        if state == "overdue":
            _log.error("erasure.overdue", request_id=str(request_id))
        else:
            _log.warning("erasure.alarm", request_id=str(request_id))

    def completed(self, request_id: UUID, state: RequestState) -> None:
        """Tell that every place is through."""
        _log.info("erasure.completed", request_id=str(request_id), state=state)

    def counted(self, requests: dict[str, int]) -> None:
        """Show the requests that are not complete."""
        for state in ("open", "alarm", "overdue"):
            REQUESTS.labels(state=state).set(requests.get(state, 0))


class ErasureLoop:
    """A part of the worker process. What fails is tried again at the next turn."""

    def __init__(self, advance: AdvanceErasures, *, poll_seconds: float) -> None:
        self._advance = advance
        self._poll_seconds = poll_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Look after erasures until stopped."""
        while not self._stopping.is_set():
            try:
                await self._advance.run_once()
            except Exception as error:
                if not (is_transient(error) or isinstance(error, LogError)):
                    raise
                _log.warning("erasures.retried", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return after the turn in hand."""
        self._stopping.set()
