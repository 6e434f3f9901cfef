"""Floor of the ingest benchmark: a bare ASGI handler that decodes a batch and appends it to the same log, nothing else.

Run: python -m bench.floor_server PORT, with GUANXI_LOG_* set as for a service.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import uvicorn

from guanxi_kit.log.factory import open_producer
from guanxi_kit.log.port import Outgoing, Producer
from guanxi_kit.settings import ServiceSettings

TOPIC = "touchpoint.received"


class Message(msgspec.Struct, rename="camel"):
    message_id: str
    user_id: str
    properties: msgspec.Raw = msgspec.Raw(b"{}")


class Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


_BATCH = msgspec.json.Decoder(Batch)
_MESSAGE = msgspec.json.Decoder(Message)
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"16")]


class FloorApp:
    """POST a batch or one message; answers when the log has it."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        items = _BATCH.decode(body).batch if scope["path"] == "/v1/batch" else [body]
        records = [Outgoing(TOPIC, _MESSAGE.decode(item).user_id.encode(), bytes(item)) for item in items]
        await self._producer.append(records)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b'{"success":true}'})


async def serve(port: int) -> None:
    """Serve until killed."""
    settings = ServiceSettings.load(service="floor", role="api")
    producer = open_producer(settings)
    await producer.start()
    config = uvicorn.Config(
        FloorApp(producer),
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
