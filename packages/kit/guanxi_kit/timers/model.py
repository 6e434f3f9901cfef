"""What a timer is and what happens when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from guanxi_kit.consumer.unit import StreamUnit


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that is to happen at `due_at` about `key`; there is one timer for each kind, key and name.

    `payload` is small JSON and holds no personal data.
    """

    kind: str
    key: UUID
    due_at: datetime
    name: str = ""
    payload: Any = None


class TimerHandler(Protocol):
    """Gives timers of one kind their effect, in the transaction that removes them."""

    async def lock(self, unit: StreamUnit, keys: Sequence[UUID]) -> None:
        """Lock what the timers are about, in one order, as whoever arms or disarms them has done before.

        So nobody moves them any more, and nobody waits for another in a circle.
        """
        ...

    async def fire(self, unit: StreamUnit, timers: Sequence[Timer]) -> None:
        """Do what is due, the longest due first; the timers are removed already and may be armed again.

        Look again whether each is still right: what it is about may have changed since it was armed.
        """
        ...
