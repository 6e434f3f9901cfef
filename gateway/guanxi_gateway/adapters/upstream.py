"""One service behind the gateway: a request over a pooled connection, a bounded answer.

aiohttp and not the kit's httpx client: on the path of every touchpoint a request costs a tenth of the processor time
(see the README for the measurement).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from guanxi_gateway.adapters.headers import RawHeaders, end_to_end
from guanxi_kit.http import REQUEST_ID, REQUEST_ID_HEADER
from guanxi_kit.logging import get_logger
from guanxi_kit.telemetry import trace_headers

# Less than the five seconds after which the services close an idle connection, so that none is used as it closes.
_KEEP_ALIVE_SECONDS = 4.0
_log = get_logger("guanxi.upstream")
_OURS_ALONE = ("user-agent", "accept", "accept-encoding", "content-type")


class Failure(Enum):
    """Why a service gave no usable answer."""

    UNREACHABLE = "could not be reached"
    TIMED_OUT = "did not answer in time"
    BROKEN_OFF = "broke the connection off"
    OVERSIZED = "gave an answer larger than the gateway accepts"


class UpstreamFailed(Exception):
    """A service gave no usable answer; whether it acted on the request is unknown unless it is UNREACHABLE."""

    def __init__(self, service: str, failure: Failure) -> None:
        super().__init__(f"{service} {failure.value}")
        self.service = service
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said. `body` is as it came, still encoded where Content-Encoding says so."""

    status: int
    headers: RawHeaders
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case; empty when there is none."""
        for name, value in self.headers:
            if name == b"content-type":
                return value.partition(b";")[0].strip().lower().decode("latin-1")
        return ""


class Streamed:
    """An answer that is being read."""

    def __init__(self, upstream: Upstream, response: aiohttp.ClientResponse) -> None:
        self._upstream = upstream
        self._response = response

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self._response.status

    async def whole(self) -> Answer:
        """Return all of it, as `Upstream.send` does. Raises UpstreamFailed."""
        body = await self._upstream._read(self._response)
        return Answer(self._response.status, end_to_end(self._response.raw_headers), body)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield its body as it comes."""
        async for chunk in self._response.content.iter_any():
            yield chunk


class Upstream:
    """Sends requests to one service and returns its answers, of at most `max_answer_bytes` each.

    `timeout` in seconds holds for a free connection, for connecting, and for each wait on the service. An async
    context manager: open it in the event loop that uses it.
    """

    def __init__(
        self, service: str, base_url: str, *, timeout: float, connections: int, max_answer_bytes: int
    ) -> None:
        self.service = service
        self._base_url = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=timeout, sock_connect=timeout, sock_read=timeout
        )
        self._connections = connections
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool; connections are made when needed."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            auto_decompress=False,
            skip_auto_headers=_OURS_ALONE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def get(self, target: str, headers: RawHeaders) -> Answer:
        """Read; tried once more when a pooled connection turns out to be dead. Raises UpstreamFailed."""
        return await self.send("GET", target, headers, None)

    async def send(
        self, method: str, target: str, headers: RawHeaders, content: bytes | AsyncIterator[bytes] | None
    ) -> Answer:
        """Send a request to `target` (path and query, encoded). Raises UpstreamFailed, also when `content` fails."""
        async with self._open(method, target, headers, content) as response:
            body = await self._read(response)
            return Answer(response.status, end_to_end(response.raw_headers), body)

    @asynccontextmanager
    async def stream(self, target: str, headers: RawHeaders) -> AsyncIterator[Streamed]:
        """Read an answer of any length piece by piece, within the block. Raises UpstreamFailed."""
        async with self._open("GET", target, headers, None) as response:
            yield Streamed(self, response)

    @asynccontextmanager
    async def _open(
        self, method: str, target: str, headers: RawHeaders, content: bytes | AsyncIterator[bytes] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        fields.update(trace_headers())
        if (request_id := REQUEST_ID.get()) is not None:
            fields[REQUEST_ID_HEADER] = request_id
        url = URL(self._base_url + target, encoded=True)
        try:
            async with self._session.request(
                method, url, headers=fields, data=content, allow_redirects=False
            ) as response:
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise self._failed(Failure.UNREACHABLE, error) from error
        except TimeoutError as error:
            raise self._failed(Failure.TIMED_OUT, error) from error
        except aiohttp.ClientError as error:
            raise self._failed(Failure.BROKEN_OFF, error) from error

    def _failed(self, failure: Failure, error: Exception) -> UpstreamFailed:
        """Say in the log what was behind it, for the caller is told no more than it can use."""
        _log.warning(
            "upstream.failed",
            upstream=self.service,
            failure=failure.name.lower(),
            cause=type(error).__name__,
            errno=getattr(error, "errno", None),
        )
        return UpstreamFailed(self.service, failure)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._max_answer_bytes:
                response.close()
                raise UpstreamFailed(self.service, Failure.OVERSIZED)
            chunks.append(chunk)
        return b"".join(chunks)
