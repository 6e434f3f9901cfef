"""Bodies of requests that are too large to have a deadline as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from guanxi_kit.errors import Problem

PART_BYTES = 65_536
PART_SECONDS = 20.0
"""How long each PART_BYTES of a body may take to arrive."""


async def in_time(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of a body as they come. Raises Problem (408) when they come too slowly."""
    loop = asyncio.get_running_loop()
    due, came = loop.time() + PART_SECONDS, 0
    while True:
        try:
            async with asyncio.timeout_at(due):
                piece = await anext(body)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Problem(
                408, detail=f"{PART_BYTES} bytes did not arrive within {PART_SECONDS:g} seconds."
            ) from None
        yield piece
        came += len(piece)
        if came >= PART_BYTES:
            due, came = loop.time() + PART_SECONDS, 0
