"""Runs the review again and again beside the consumer."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from guanxi_kit.db import is_transient
from guanxi_kit.logging import get_logger
from scoring_service.application.review import Review

_log = get_logger("scoring.review")


class ReviewLoop:
    """A part of the worker process. What fails is tried again at the next turn; only programming errors end it."""

    def __init__(self, review: Review, *, poll_seconds: float) -> None:
        self._review = review
        self._poll_seconds = poll_seconds
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Look for due reviews until stopped."""
        while not self._stopping.is_set():
            try:
                await self._review.run_due(self._stopping.is_set)
            except Exception as error:
                if not is_transient(error):
                    raise
                _log.warning("review.retried", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Ask `run` to return after the batch in hand."""
        self._stopping.set()
