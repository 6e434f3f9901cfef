"""Staff who open cases, work on them and record contacts through the gateway, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.asking import NotNow, ask, look_up
from tests.chaos.people import Population

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

AGENTS = 4
LONGEST_CASE = 8
ACTS = {
    "respond": "responded",
    "update": "updated",
    "question": "asked",
    "answer": "answered",
    "note": "noted",
    "solve": "solved",
    "reopen": "reopened",
}


@dataclass
class Desk:
    """Cases that the platform has acknowledged, each with all that was done about it in its order, and contacts.

    `contacts` says of whom each is.
    """

    people: Population
    chance: random.Random
    acts: dict[str, list[str]] = field(default_factory=dict)
    persons: dict[str, int] = field(default_factory=dict)
    contacts: dict[str, int] = field(default_factory=dict)
    repeated: int = 0

    async def keep_working(self, world: World, until: Callable[[], bool]) -> None:
        """Work until `until()`; what was begun is asked for until it is answered."""
        await asyncio.gather(*(self._agent(world, until) for _ in range(AGENTS)))

    async def _agent(self, world: World, until: Callable[[], bool]) -> None:
        async with make_client(world.url, token=world.credentials.token("agent"), timeout=10.0) as client:
            while not until():
                await self._record(client)
                case_id = await self._open(client)
                for _ in range(self.chance.randrange(LONGEST_CASE) if case_id else 0):
                    await asyncio.sleep(self.chance.uniform(0.0, 0.8))
                    await self._act(client, case_id, self.chance.choice(list(ACTS)))
                await asyncio.sleep(0.1)

    async def _somebody(self, client: HttpClient) -> tuple[int, str | None]:
        """Return a person, and the customer that this is as far as anybody can tell now."""
        person = self.chance.choice(self.people.never_erased)
        try:
            return person, await look_up(client, user_id=f"{self.people.run}-user-{person}")
        except NotNow:
            return person, None

    async def _record(self, client: HttpClient) -> None:
        """Record a contact whose follow-up is due before the storm is over."""
        person, customer_id = await self._somebody(client)
        if customer_id is None:
            return
        now = datetime.now(UTC)
        due, remind = (now + timedelta(seconds=left) for left in (4, 2))
        next_action = {"action": "call", "due_at": due.isoformat(), "remind_at": remind.isoformat()}
        body = {
            "kind": "call",
            "direction": "outbound",
            "at": (now - timedelta(seconds=1)).isoformat(),
            "text": "storm",
            "follow_up": next_action,
        }
        path = f"/v1/customers/{customer_id}/contact-records"
        status, contact = await self._insist(client, path, body, patient=True)
        assert status == 200, contact
        self.contacts[contact["contact_id"]] = person

    async def _open(self, client: HttpClient) -> str:
        person, customer_id = await self._somebody(client)
        if customer_id is None:
            return ""
        kind = self.chance.choice(("complaint", "enquiry", "request"))
        body = {"customer_id": customer_id, "kind": kind, "subject": "storm", "category": "service"}
        # Whom the gateway knows already may still be new to the case desk.
        status, case = await self._insist(client, "/v1/cases", body, patient=True)
        assert status == 200, case
        self.acts[case["case_id"]] = ["opened"]
        self.persons[case["case_id"]] = person
        return str(case["case_id"])

    async def _act(self, client: HttpClient, case_id: str, act: str) -> None:
        status, answer = await self._insist(client, f"/v1/cases/{case_id}/{act}", {"text": "storm"})
        assert status in (200, 409), answer
        if status == 200:
            self.acts[case_id].append(ACTS[act])

    async def _insist(
        self, client: HttpClient, path: str, body: Any, *, patient: bool = False
    ) -> tuple[int, dict[str, Any]]:
        """Ask with one key until there is an answer: the key makes a repeat the same act."""
        headers = {"idempotency-key": uuid.UUID(int=self.chance.getrandbits(128)).hex}
        while True:
            try:
                status, answer = await ask(client, "POST", path, body, headers=headers)
                if status != 404 or not patient:
                    return status, answer
            except NotNow:
                self.repeated += 1
            await asyncio.sleep(0.2)
