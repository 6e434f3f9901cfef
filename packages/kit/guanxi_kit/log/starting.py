"""Starting a log client while the log may still be starting, or coming back."""

from __future__ import annotations

import asyncio
from typing import Protocol

from guanxi_kit.log.port import LogUnavailable

FIRST_DELAY = 0.1
LONGEST_DELAY = 2.0


class Startable(Protocol):
    """A producer, reader or admin."""

    async def start(self) -> None: ...


async def start_patiently(client: Startable, *, seconds: float = 60.0) -> None:
    """Start a client, waiting up to `seconds` for a log that cannot be reached yet. Raises LogUnavailable then."""
    deadline = asyncio.get_running_loop().time() + seconds
    delay = FIRST_DELAY
    while True:
        try:
            await client.start()
        except LogUnavailable:
            if asyncio.get_running_loop().time() + delay > deadline:
                raise
        else:
            return
        await asyncio.sleep(delay)
        delay = min(delay * 2, LONGEST_DELAY)
