"""A small HTTP/1.1 load generator: prepared requests over keep-alive connections, cheap enough to share two cores.

httpx costs some 300 us a request and would measure itself; this costs about 20 us.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial


@dataclass
class LoadResult:
    """Outcome of one run: `seconds` of wall time, requests by status code, latencies in seconds."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def quantile(self, q: float) -> float:
        """Latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as an answer is complete."""

    def __init__(
        self, requests: Iterator[bytes], result: LoadResult, done: asyncio.Future[None], interval: float
    ) -> None:
        self._requests = requests
        self._result = result
        self._done = done
        self._interval = interval
        self._buffer = b""
        self._sent_at = 0.0
        self._due = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        wait = self._due - time.perf_counter()
        if self._interval and wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send)
        else:
            self._send()

    def _send(self) -> None:
        content = next(self._requests, None)
        if content is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        # With a fixed rate the clock runs from when the request was due: a stall counts against all it delayed.
        self._sent_at = self._due if self._interval else time.perf_counter()
        self._due += self._interval
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        self._result.latencies.append(time.perf_counter() - self._sent_at)
        self._result.statuses[int(self._buffer[9:12])] += 1
        self._buffer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed by the server"))


async def run(
    host: str, port: int, requests: Iterator[bytes], *, connections: int = 8, rate: float | None = None
) -> LoadResult:
    """Send all `requests`, at `rate` per second over all connections, or as fast as they are answered."""
    loop = asyncio.get_running_loop()
    result = LoadResult()
    interval = connections / rate if rate else 0.0
    started = time.perf_counter()
    waiting = []
    for number in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        waiting.append(done)
        if interval and number:
            await asyncio.sleep(interval / connections)
        factory = partial(_Connection, requests, result, done, interval)
        await loop.create_connection(factory, host, port)
    await asyncio.gather(*waiting)
    result.seconds = time.perf_counter() - started
    return result
