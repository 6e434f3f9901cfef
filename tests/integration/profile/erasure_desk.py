"""An erasure's desk: the worker's part, the API beside it, and a partner's own server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from starlette.types import Receive, Scope, Send

from guanxi_contracts.privacy import ErasureReceiptV1
from guanxi_kit.log.memory import MemoryLog
from guanxi_kit.webhooks import verify
from profile_service.adapters.erasure_loop import LoggedNotices
from profile_service.application.advance_erasures import AdvanceErasures
from profile_service.consumers.privacy_receipt import handle_receipts
from profile_service.domain.erasure import RequestState

from .conftest import Api, ProfileWorld

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBtYWlsIGhvdXNl"
PERSON = ("member_number:m-77", "email:ada@example.com", "phone:+8613900000077")
SERVICES = ("interaction-service", "scoring-service", "notification-service")


@dataclass
class MailHouse:
    """A partner's own server: it checks the signature, and answers what it is told to."""

    world: ProfileWorld
    status: int = 202
    body: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        verify(SECRET, headers, body, self.world.clock.now())
        told = msgspec.json.decode(body) if body else scope["query_string"].decode()
        self.asked.append((scope["method"], headers["webhook-id"], told))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": msgspec.json.encode(self.body)})


@dataclass
class Alarms(LoggedNotices):
    raised: list[RequestState] = field(default_factory=list)

    def alarmed(self, request_id: UUID, state: RequestState) -> None:
        super().alarmed(request_id, state)
        self.raised.append(state)


@dataclass
class Desk:
    """What the worker's part works with, and the API beside it."""

    world: ProfileWorld
    api: Api
    log: MemoryLog
    alarms: Alarms
    advance: AdvanceErasures

    async def later(self, delta: timedelta = timedelta()) -> None:
        """Let time go by and the worker have its turn."""
        self.world.clock.advance(delta)
        await self.advance.run_once()

    async def erase(self) -> str:
        await self.world.resolve(
            [self.world.touchpoint("m1", *PERSON), self.world.touchpoint("m2", PERSON[0])]
        )
        body = {"identifier": {"type": "email", "value": "ada@example.com"}, "reason": "asked"}
        answer = await self.api.post("/v1/privacy/erasures", body, role="dpo")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])

    async def read(self, request_id: str) -> dict[str, Any]:
        return dict((await self.api.get(f"/v1/privacy/erasures/{request_id}", role="dpo")).json())

    async def place(self, request_id: str, name: str) -> dict[str, Any]:
        places = (await self.read(request_id))["places"]
        return next(dict(place) for place in places if place["place"] == name)

    async def services_are_done(self, request_id: str) -> None:
        receipts = [
            ErasureReceiptV1(
                request_id=UUID(request_id),
                place=place,
                state="done",
                erased={"rows": 1},
                at=self.world.clock.now(),
            )
            for place in SERVICES
        ]
        await self.world.work(handle_receipts, [self.world.received(each) for each in receipts])

    async def register(self, house: MailHouse, **changes: Any) -> Any:
        body = {
            "name": "mail-house",
            "url": house.url + "/erase",
            "status_url": house.url + "/status",
            "secret": SECRET,
            "identifier_types": ["email", "phone"],
        }
        return await self.api.post("/v1/privacy/partners", body | changes, role="dpo")
