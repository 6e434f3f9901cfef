"""Synthetic people who touch many channels."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

AMOUNT_MINOR = (990, 1299, 4250, 10000)
BROWSERS = 3
TOUCHED = 0.3
"""How many of the people hands ever touch; all others are merged by evidence alone."""
ERASED = 0.1
"""How many of the people are ever erased."""


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
    ways: Counter[str] = field(default_factory=Counter)

    def accept(self, batch: list[dict[str, Any]], way: str) -> None:
        """Keep a batch that was acknowledged."""
        self.accepted += batch
        self.ways[way] += len(batch)

    @property
    def touched(self) -> int:
        """People below this number are touched by hands: 0 with 1, 2 with 3, and so on."""
        return int(self.size * TOUCHED) // 2 * 2

    @property
    def erased(self) -> range:
        """The people who are ever erased."""
        return range(self.touched, self.touched + max(2, int(self.size * ERASED)))

    @property
    def never_erased(self) -> range:
        """People of whom files and cases tell.

        What an erasure leaves of a file's row depends on who came back before it was read; of a case it leaves nothing.
        """
        return range(self.erased.stop, self.size)

    def touchpoints(self, count: int, persons: range | None = None) -> list[dict[str, Any]]:
        """Return fresh Segment messages of these people, or of anybody, each with an id of its own."""
        return [self._touchpoint(persons or range(self.size)) for _ in range(count)]

    def _touchpoint(self, persons: range) -> dict[str, Any]:
        person = self.chance.choice(persons)
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
