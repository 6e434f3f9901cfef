"""Staff who erase people through the gateway while these go on visiting, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.chaos.asking import NotNow, ask, look_up
from tests.chaos.people import Population

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

ERASERS = 2
SETTLE_CHANCE = 0.5
RETRY_CHANCE = 0.2
REQUESTS = "/v1/privacy/erasures"
TOPICS = ("topic:touchpoint.received", "topic:touchpoint.resolved")
"""Places that settle themselves when the log has forgotten, days later; here by hand."""


class Acknowledged(NamedTuple):
    """An erasure that the platform has answered for, and what the person was known by just before."""

    request_id: str
    known_by: frozenset[str]
    looked_at: datetime
    answered_at: datetime


@dataclass
class Erasers:
    """Erases the same few people again and again. One eraser alone acts on a person."""

    people: Population
    chance: random.Random
    acknowledged: list[Acknowledged] = field(default_factory=list)
    repeated: int = 0
    in_hand: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the platform is erasing somebody, so that it can be killed at that."""

    async def keep_erasing(self, world: World, until: Callable[[], bool]) -> None:
        """Erase until `until()`; what was begun is asked for until it is answered."""
        await asyncio.gather(
            *(self._eraser(world, self.people.erased[n::ERASERS], until) for n in range(ERASERS))
        )

    async def _eraser(self, world: World, persons: range, until: Callable[[], bool]) -> None:
        async with make_client(world.url, token=world.credentials.token("admin"), timeout=10.0) as client:
            while not until():
                try:
                    await self._erase(client, self.chance.choice(persons))
                except NotNow:
                    await asyncio.sleep(0.2)
                await asyncio.sleep(self.chance.uniform(0.0, 0.4))

    async def _erase(self, client: HttpClient, person: int) -> None:
        """Erase a person who is known; a customer id or any identifier will do."""
        looked_at = datetime.now(UTC)
        names = self.people.names(person)
        known = {name: await look_up(client, **{kind: name}) for name, kind in names.items()}
        customer_id = known[f"{self.people.run}-user-{person}"]
        if customer_id is None:
            return
        known_by = frozenset(name for name, customer in known.items() if customer == customer_id)
        asked: dict[str, Any] = {"customer_id": customer_id}
        if self.chance.random() < 0.5:
            name = self.chance.choice(sorted(known_by))
            asked = {"identifier": {"type": names[name], "value": name}}
        request = await self._insist(client, {**asked, "reason": "asked for by letter"})
        self.acknowledged.append(Acknowledged(request["request_id"], known_by, looked_at, datetime.now(UTC)))
        await self._follow_up(client, customer_id, request["request_id"])

    async def _insist(self, client: HttpClient, body: dict[str, Any]) -> dict[str, Any]:
        """Ask until there is an answer: whether an earlier attempt erased nobody can know."""
        while True:
            self.in_hand.set()
            try:
                status, answer = await ask(client, "POST", REQUESTS, body)
            except NotNow:
                self.repeated += 1
                await asyncio.sleep(0.2)
            else:
                self.in_hand.clear()
                assert status == 200, answer
                return answer

    async def _follow_up(self, client: HttpClient, customer_id: str, request_id: str) -> None:
        status, answer = await ask(client, "GET", f"/v1/customers/{customer_id}")
        assert status == 404, f"erased and still there: {answer}"
        if self.chance.random() < RETRY_CHANCE:
            status, answer = await ask(client, "POST", f"{REQUESTS}/{request_id}/retry")
            assert status == 200, answer
        if self.chance.random() < SETTLE_CHANCE:
            await settle(client, request_id, TOPICS)


async def settle(client: HttpClient, request_id: str, places: Iterable[str]) -> None:
    """Write down that these places are through; one that is already stays so. Raises NotNow."""
    for place in places:
        body = {"place": place, "state": "done"}
        status, answer = await ask(client, "POST", f"{REQUESTS}/{request_id}/receipts", body)
        assert status in (200, 409), answer
