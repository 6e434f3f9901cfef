"""One service behind the gateway: a request over a pooled connection, a bounded answer."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from enum import Enum

import httpx

from guanxi_gateway.adapters.headers import RawHeaders, end_to_end


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


class Upstream:
    """Sends requests to one service and returns its answers, of at most `max_answer_bytes` each."""

    def __init__(self, service: str, client: httpx.AsyncClient, max_answer_bytes: int) -> None:
        self.service = service
        self._client = client
        self._max_answer_bytes = max_answer_bytes

    async def get(self, path: str, query: Mapping[str, str], headers: RawHeaders) -> Answer:
        """Read; tried once more when a pooled connection turns out to be dead. Raises UpstreamFailed."""
        url = httpx.URL(self._client.base_url, path=path, params=query) if query else path
        try:
            return await self.send("GET", url, headers, None)
        except UpstreamFailed as failed:
            if failed.failure is not Failure.BROKEN_OFF:
                raise
            return await self.send("GET", url, headers, None)

    async def send(
        self,
        method: str,
        url: httpx.URL | str,
        headers: RawHeaders,
        content: bytes | AsyncIterable[bytes] | None,
    ) -> Answer:
        """Send one request, once. Raises UpstreamFailed, and what iterating `content` raises."""
        request = self._client.build_request(method, url, headers=headers, content=content)
        try:
            response = await self._client.send(request, stream=True)
            try:
                body = await self._read(response)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise UpstreamFailed(self.service, Failure.UNREACHABLE) from error
        except httpx.TimeoutException as error:
            raise UpstreamFailed(self.service, Failure.TIMED_OUT) from error
        except httpx.TransportError as error:
            raise UpstreamFailed(self.service, Failure.BROKEN_OFF) from error
        return Answer(response.status_code, end_to_end(response.headers.raw), body)

    async def _read(self, response: httpx.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > self._max_answer_bytes:
                raise UpstreamFailed(self.service, Failure.OVERSIZED)
            chunks.append(chunk)
        return b"".join(chunks)
