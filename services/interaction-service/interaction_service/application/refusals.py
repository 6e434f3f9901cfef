"""What was refused is kept for a while: read, mended, and sent the way it came again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID, uuid5

import msgspec
from prometheus_client import Counter

from guanxi_contracts.touchpoint import TouchpointKind
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import tombstone_of
from guanxi_kit.telemetry import METRICS
from interaction_service.application.identification import Identification
from interaction_service.application.message import MessageHead, read_message, read_object
from interaction_service.application.ports import Channel, Unavailable
from interaction_service.application.submission import Given, Outcome, Refusal
from interaction_service.domain.refusal import Refused

Way = Literal["message", "event", "item", "body"]
"""A message of the Segment protocol, a CloudEvent, an item of a webhook's payload, or a whole body of one."""

KEPT = timedelta(days=30)
KEPT_OF_NOBODY = timedelta(days=7)
"""What names nobody cannot be found by an erasure, so that it goes before an erasure must be complete."""
ITEMS_A_MINUTE = 1_000
BYTES_A_MINUTE = 4 * 1024 * 1024
MAX_KEPT_BYTES = 64 * 1024
_NAMESPACE = UUID("6f0c7f0e-51f4-4d3c-9a3e-0f4f4d0f6c11")

REFUSALS = Counter(
    "guanxi_refusals", "Refused items by what became of them.", ("channel", "kept"), registry=METRICS.registry
)


class Origin(msgspec.Struct, omit_defaults=True):
    """An item as it came, with what its request said about it; `text` is empty when it was too large to keep.

    `seed` names the messages of a webhook's item, `beside` is what its expressions saw beside it (see mapping).
    """

    way: Way
    text: str
    kind: TouchpointKind | None = None
    historical: bool = False
    sent_at: datetime | None = None
    context: str | None = None
    by_any_identifier: bool = False
    seed: str | None = None
    beside: str | None = None


class KeptRefusal(msgspec.Struct):
    """A refused item to keep. `tombstones` are what an erasure of the person would ask for."""

    refusal_id: UUID
    channel_id: UUID
    channel: str
    way: Way
    state: Literal["open", "quarantined"]
    received_at: datetime
    kept_until: datetime
    field: str
    reason: str
    tombstones: list[bytes]
    sealed: bytes


class RefusalStore(Protocol):
    """Keeps refused items."""

    async def add(self, refusals: Sequence[KeptRefusal]) -> None:
        """Return once they are durable; those that are there already stay as they are. Raises Unavailable."""
        ...


class _Budget:
    """What may be kept of a channel in a minute."""

    __slots__ = ("bytes", "items", "minute")

    def __init__(self) -> None:
        self.minute, self.items, self.bytes = -math.inf, 0, 0

    def take(self, minute: float, size: int) -> bool:
        if minute != self.minute:
            self.minute, self.items, self.bytes = minute, 0, 0
        if self.items >= ITEMS_A_MINUTE or self.bytes + size > BYTES_A_MINUTE:
            return False
        self.items += 1
        self.bytes += size
        return True


def refusal_aad(refusal_id: UUID) -> bytes:
    """What binds a kept item to its row."""
    return b"refusal\0" + refusal_id.bytes


class Refusals:
    """Keeps what was refused, within what a channel may have kept in a minute; the rest is only counted."""

    def __init__(
        self, store: RefusalStore, keyring: Keyring, identification: Identification, clock: Clock
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._identification = identification
        self._clock = clock
        self._budgets: dict[str, _Budget] = {}

    async def keep(
        self, channel: Channel, origin: Callable[[int], tuple[Origin, Given | None]], outcome: Outcome
    ) -> None:
        """Keep the refused and the quarantined items of a request; `origin` gives what one was.

        A quarantined one was promised to be kept: it raises Unavailable when it cannot be. The others were told.
        """
        kept = [
            found
            for refusals, state in ((outcome.quarantined, "quarantined"), (outcome.refused, "open"))
            for refusal in refusals
            if (found := self._kept(channel, refusal, state, *origin(refusal.index))) is not None
        ]
        if not kept:
            return
        try:
            await self._store.add(kept)
        except Unavailable:
            REFUSALS.labels(channel.name, "lost").inc(len(kept))
            if outcome.quarantined:
                raise
        else:
            REFUSALS.labels(channel.name, "kept").inc(len(kept))

    def _kept(
        self, channel: Channel, refusal: Refusal, state: Any, origin: Origin, given: Given | None
    ) -> KeptRefusal | None:
        # What is quarantined was accepted, so that no bound may lose it.
        if state == "open" and len(origin.text) > MAX_KEPT_BYTES:
            origin = msgspec.structs.replace(origin, text="")
        content = msgspec.json.encode(origin)
        now = self._clock.now()
        budget = self._budgets.setdefault(channel.channel_id, _Budget())
        if state == "open" and not budget.take(now.timestamp() // 60, len(content)):
            REFUSALS.labels(channel.name, "over_budget").inc()
            return None
        refusal_id = uuid5(_NAMESPACE, f"{channel.channel_id} {origin.text}{'' if origin.text else now}")
        tombstones = self._tombstones(given)
        return KeptRefusal(
            refusal_id=refusal_id,
            channel_id=UUID(channel.channel_id),
            channel=channel.name,
            way=origin.way,
            state=state,
            received_at=now,
            kept_until=now + (KEPT if tombstones else KEPT_OF_NOBODY),
            field=refusal.field,
            reason=refusal.reason,
            tombstones=tombstones,
            sealed=self._keyring.seal(content, refusal_aad(refusal_id)),
        )

    def _tombstones(self, given: Given | None) -> list[bytes]:
        """Return the tombstones of whoever the item names, as far as it can be read."""
        if given is None or isinstance(given, Refused):
            return []
        try:
            message = given if isinstance(given, MessageHead) else read_message(given)
            context = read_object(message.context, "context")
            shared = context.get("traits")
            traits = read_object(message.traits, "traits") if message.type != "group" else {}
            traits = {**shared, **traits} if isinstance(shared, dict) else traits
            person = self._identification.identify(message, traits, context)
        except Refused:
            return []
        return [tombstone_of(self._keyring, ref.hash) for ref in person.refs]
