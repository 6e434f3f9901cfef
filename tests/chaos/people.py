"""Synthetic people who touch many channels."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

AMOUNT_MINOR = (990, 1299, 4250, 10000)
BROWSERS = 3


@dataclass
class Population:
    """Makes touchpoints of `size` people and keeps what was accepted.

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
        browser = f"{self.run}-browser-{person}-{self.chance.randrange(BROWSERS)}"
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

    def names(self, person: int) -> dict[str, str]:
        """Return everything that a person is seen by, with its type of identifier."""
        return {
            f"{self.run}-user-{person}": "user_id",
            f"{self.run}-device-{person}": "device_id",
            f"{self.run}-{person}@example.com": "email",
            **{f"{self.run}-browser-{person}-{number}": "anonymous_id" for number in range(BROWSERS)},
        }

    def number(self, name: str) -> int:
        """Return which person a user id, or the local part of an address, belongs to."""
        return int(name.rpartition("-")[2])
