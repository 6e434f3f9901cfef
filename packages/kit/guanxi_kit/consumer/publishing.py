"""A relay beside an API: it publishes when the log can be reached, and never keeps the API from starting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from guanxi_kit.consumer.relay import Relay
from guanxi_kit.log.port import LogError, Producer

RETRY_SECONDS = 2.0

log = structlog.get_logger(__name__)


@asynccontextmanager
async def publishing(producer: Producer, relay: Relay) -> AsyncIterator[None]:
    """Start producer and relay in the background, as soon as the log answers, and stop both at the end."""
    starting = asyncio.create_task(_start(producer, relay), name="relay-start")
    try:
        yield
    finally:
        if starting.done():
            await relay.stop()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await producer.stop()


async def _start(producer: Producer, relay: Relay) -> None:
    while True:
        try:
            await producer.start()
        except LogError as error:
            log.warning("relay.waits_for_log", reason=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            await relay.start()
            return
