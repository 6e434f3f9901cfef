"""Synthetic people who touch many channels, and what the platform must know of them afterwards."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

AMOUNT_MINOR = (990, 1299, 4250, 10000)


@dataclass
class Population:
    """Makes touchpoints of `size` people and keeps the oracle: what was accepted, and who is who.

    A person is seen by user id, device and e-mail, or anonymously in a browser that an identify links later.
    """

    size: int
    chance: random.Random
    run: str
    serial: int = 0
    accepted: list[dict[str, Any]] = field(default_factory=list)

    def touchpoints(self, count: int) -> list[dict[str, Any]]:
        """Return fresh Segment messages, each with an id of its own."""
        return [self._touchpoint() for _ in range(count)]

    def _touchpoint(self) -> dict[str, Any]:
        person = self.chance.randrange(self.size)
        browser = f"{self.run}-browser-{person}-{self.chance.randrange(3)}"
        self.serial += 1
        base: dict[str, Any] = {
            "messageId": f"{self.run}-{self.serial}",
            "timestamp": datetime.now(UTC).isoformat(),
        }
        kind = self.chance.random()
        if kind < 0.5:
            amount = self.chance.choice(AMOUNT_MINOR)
            return base | {
                "type": "track",
                "event": "Order Completed",
                "userId": f"{self.run}-user-{person}",
                "properties": {"revenue": f"{amount // 100}.{amount % 100:02}", "currency": "CNY"},
                "context": {
                    "device": {"id": f"{self.run}-device-{person}"},
                    "traits": {"email": f"{self.run}-{person}@example.com"},
                },
            }
        if kind < 0.85:
            return base | {"type": "page", "name": "Home", "anonymousId": browser}
        return base | {"type": "identify", "userId": f"{self.run}-user-{person}", "anonymousId": browser}

    def customers(self) -> int:
        """Count the connected components of identifiers: the oracle of who is who."""
        parent: dict[str, str] = {}

        def find(item: str) -> str:
            while parent.setdefault(item, item) != item:
                item = parent[item]
            return item

        for message in self.accepted:
            first, *others = _identifiers(message)
            for other in others:
                parent[find(other)] = find(first)
            find(first)
        return sum(1 for item in parent if find(item) == item)

    def number(self, name: str) -> int:
        """Return which person a user id, or the local part of an address, belongs to."""
        return int(name.rpartition("-")[2])

    def purchases(self) -> Counter[str]:
        """Amount in minor units by user id."""
        amounts: Counter[str] = Counter()
        for message in self.accepted:
            if message["type"] == "track":
                amounts[message["userId"]] += round(float(message["properties"]["revenue"]) * 100)
        return amounts


def _identifiers(message: dict[str, Any]) -> list[str]:
    context = message.get("context", {})
    found = [
        message.get("userId"),
        message.get("anonymousId"),
        context.get("device", {}).get("id"),
        context.get("traits", {}).get("email"),
    ]
    return [item for item in found if item]
