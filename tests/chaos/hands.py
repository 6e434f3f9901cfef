"""Hands that merge people and undo it, through the gateway, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.asking import NotNow, ask, look_up
from tests.chaos.people import Population

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client

DECIDERS = 2


@dataclass
class Hands:
    """Makes pairs of people one and parts them again; keeps what the platform acknowledged of it."""

    people: Population
    chance: random.Random
    merged: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)

    def partner(self, user_id: str) -> str | None:
        """Return the user id of whom hands make one with this one, if anybody."""
        person = self.people.number(user_id)
        return f"{self.people.run}-user-{person ^ 1}" if person < self.people.touched else None

    async def keep_deciding(self, world: World, until: Callable[[], bool]) -> None:
        """Decide until `until()`."""
        await asyncio.gather(*(self._decider(world, until) for _ in range(DECIDERS)))

    async def _decider(self, world: World, until: Callable[[], bool]) -> None:
        async with make_client(world.url, token=world.credentials.token("admin"), timeout=10.0) as client:
            while not until():
                one = self.chance.randrange(self.people.touched // 2) * 2
                try:
                    await self._decide(client, one, one + 1)
                except NotNow:
                    await asyncio.sleep(0.2)
                await asyncio.sleep(self.chance.uniform(0.0, 0.1))

    async def _decide(self, client: HttpClient, one: int, other: int) -> None:
        """Make two one customer if they are two, and two if they are one."""
        ids = [await self._customer(client, person) for person in (one, other)]
        if ids[0] != ids[1]:
            body = {"customer_ids": ids, "reason": "chaos"}
            if (found := await _ask(client, "POST", "/v1/merges", body)) is not None:
                self.merged.add(found["merge_id"])
            return
        journal = await _ask(client, "GET", f"/v1/merges?customer_id={ids[0]}&limit=200")
        standing = [each for each in journal["items"] if each["rule"] == "manual" and not each["undone"]]
        for merge_id in (each["merge_id"] for each in standing):
            self.doubtful.add(merge_id)
            if await _ask(client, "POST", f"/v1/merges/{merge_id}/undo", {"reason": "chaos"}) is not None:
                self.undone.add(merge_id)

    async def _customer(self, client: HttpClient, person: int) -> str:
        """Return the customer that a person is; one who is not known yet is for later."""
        found = await look_up(client, user_id=f"{self.people.run}-user-{person}")
        if found is None:
            raise NotNow
        return found


async def _ask(client: HttpClient, method: str, path: str, body: Any = None) -> Any:
    """Return the answer; None when somebody else was faster. Raises NotNow."""
    status, answer = await ask(client, method, path, body)
    if status == 409:
        return None
    if status == 404:
        raise NotNow
    assert status == 200, answer
    return answer
