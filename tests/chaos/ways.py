"""The ways by which a channel's messages come in: an SDK's batches, a webhook of the channel's own format, files."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.chaos.asking import NotNow, ask

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, HttpResponse, TransportError, make_client

CHANNEL = "web"
SECRET = "a secret of the storm's own sender"
COLUMNS = {
    "messageId": ("message_id", "text"),
    "type": ("type", "text"),
    "event": ("event", "text"),
    "name": ("name", "text"),
    "userId": ("user_id", "text"),
    "anonymousId": ("anonymous_id", "text"),
    "timestamp": ("timestamp", "time"),
    "properties": ("properties", "json"),
    "context": ("context", "json"),
}
Batch = Sequence[dict[str, Any]]
Way = Callable[[HttpClient, Batch], Awaitable[bool]]
"""Sends a batch once; True when it was acknowledged as a whole, False when nobody knows."""


async def declare_hook(world: World) -> None:
    """Give the channel a webhook beside its write key: the same messages, in a format of its own."""
    known = {"messageId": "messageId", "timestamp": "timestamp", "userId": "userId"}
    known |= {"anonymousId": "anonymousId", "event": "event", "name": "name"}
    objects = {
        "properties": {"revenue": "properties.revenue", "currency": "properties.currency"},
        "context": {"device": {"id": "context.device.id"}, "traits": {"email": "context.traits.email"}},
    }
    rules = [
        {"if": f"type == '{kind}'", "message": {"type": kind, **known, **objects}}
        for kind in ("track", "page", "identify")
    ]
    declaration = {
        "kind": "web",
        "verify": {"scheme": "hmac", "header": "x-signature"},
        "each": "items",
        "when": rules,
    }
    body = {"declaration": declaration, "secrets": {"secret": [SECRET]}}
    async with make_client(world.url, token=world.credentials.token("admin"), timeout=10.0) as client:
        status, answer = await ask(client, "PUT", f"/v1/channels/{CHANNEL}", body)
    assert status == 200, answer


def by_sdk(world: World) -> Way:
    """Return the way of a Segment SDK."""
    key = world.credentials.write_keys[CHANNEL]

    async def send(client: HttpClient, batch: Batch) -> bool:
        return await _sent(client.post("/v1/batch", json={"batch": batch}, auth=(key, "")))

    return send


def by_hook(_: World) -> Way:
    """Return the way of a webhook, signed by its sender."""

    async def send(client: HttpClient, batch: Batch) -> bool:
        body = json.dumps({"items": batch}).encode()
        signature = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
        headers = {"x-signature": signature, "content-type": "application/json"}
        return await _sent(client.post(f"/v1/hooks/{CHANNEL}", content=body, headers=headers))

    return send


async def _sent(request: Awaitable[HttpResponse]) -> bool:
    try:
        answer = await request
    except TransportError:
        return False
    if answer.status_code == 200:
        assert not answer.json().get("refused"), answer.text
        return True
    assert answer.status_code >= 500 or answer.status_code == 429, answer.text
    return False


class Importer:
    """Uploads files and sees them through: once a start is acknowledged, no kill may stop the import."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.repeated = 0

    async def take(self, batch: Batch) -> None:
        """Import a batch as a file of JSON lines."""
        token = self._world.credentials.token("admin")
        async with make_client(self._world.url, token=token, timeout=10.0) as client:
            import_id = await self._insist(lambda: self._started(client, batch))
            ended = await self._insist(lambda: self._ended(client, import_id))
        progress = ended["progress"]
        assert (ended["state"], progress["accepted"], progress["refused"]) == ("done", len(batch), 0), ended

    async def _started(self, client: HttpClient, batch: Batch) -> str:
        """Upload and start; what an attempt that failed has left behind is never started, or does the same."""
        file = "".join(json.dumps(message) + "\n" for message in batch).encode()
        try:
            answer = await client.post("/v1/imports?name=storm.jsonl", content=file)
        except TransportError as error:
            raise NotNow from error
        if answer.status_code != 201:
            assert answer.status_code >= 429, answer.text
            raise NotNow
        import_id = str(answer.json()["import_id"])
        there = {column["name"] for column in answer.json()["columns"]}
        columns = [
            {"column": name, "to": to, "as": form} for name, (to, form) in COLUMNS.items() if name in there
        ]
        mapping = {"columns": columns, "channel": CHANNEL}
        for step, body in (("mapping", mapping), ("start", None)):
            status, told = await ask(client, "POST", f"/v1/imports/{import_id}/{step}", body)
            assert status in (200, 202), told
        return import_id

    async def _ended(self, client: HttpClient, import_id: str) -> dict[str, Any]:
        status, found = await ask(client, "GET", f"/v1/imports/{import_id}")
        assert status == 200, found
        if found["state"] not in ("done", "failed", "cancelled"):
            raise NotNow
        return found

    async def _insist(self, work: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await work()
            except NotNow:
                self.repeated += 1
                await asyncio.sleep(0.2)
