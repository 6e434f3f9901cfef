"""Posts messages to the platform in batches, as a channel system does: again until it is told that they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import msgspec

from guanxi_devstack.demo.cdnow import Message
from guanxi_kit.http import HttpClient, HttpResponse, TransportError

BATCH = 100
ATTEMPTS = 12
RETRIED = (408, 429, 500, 502, 503, 504)


class Refused(Exception):
    """The platform does not take the messages; the message says what it answered."""


class Channel:
    """A channel system with its write key. `accepted` counts messages that the platform keeps."""

    def __init__(self, client: HttpClient, write_key: str) -> None:
        self._client = client
        self._auth = (write_key, "")
        self.accepted = 0

    async def post(self, messages: Sequence[Message]) -> None:
        """Post one batch until it is kept, with growing pauses. Raises Refused."""
        body = msgspec.json.encode({"batch": messages})
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(min(0.1 * 2**attempt, 5.0))
            try:
                response = await self._client.post(
                    "/v1/batch", content=body, auth=self._auth, headers={"content-type": "application/json"}
                )
            except TransportError:
                continue
            if response.status_code not in RETRIED:
                self._check(response)
                self.accepted += len(messages)
                return
        raise Refused(f"a batch was not taken in {ATTEMPTS} attempts")

    async def replay(
        self, messages: Sequence[Message], connections: int, progress: Callable[[int], None]
    ) -> None:
        """Post all in order, `connections` batches at a time; `progress` is told how many more are kept."""
        batches = _batches(messages)

        async def sender() -> None:
            for batch in batches:
                await self.post(batch)
                progress(len(batch))

        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(sender())

    def _check(self, response: HttpResponse) -> None:
        if response.status_code != 200:
            raise Refused(f"HTTP {response.status_code}: {response.text[:500]}")
        if refused := response.json()["refused"]:
            raise Refused(f"{len(refused)} messages of a batch were refused, the first: {refused[0]}")


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for first in range(0, len(messages), BATCH):
        yield messages[first : first + BATCH]
