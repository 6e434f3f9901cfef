"""Webhooks: a request of a declared channel becomes messages, which take the way of every message."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from guanxi_kit.packs.channels import ChannelDocument
from interaction_service.application.mapping import PayloadMapping
from interaction_service.application.payload import read_payload
from interaction_service.application.ports import Channel
from interaction_service.application.signatures import Secrets, Verifier, make_verifier
from interaction_service.application.submission import Given
from interaction_service.domain.limits import MAX_BATCH_EVENTS
from interaction_service.domain.refusal import Refused

TURN = 50
"""Items mapped before other requests get their turn on the event loop."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """Messages of a payload, the item of each, and how many items no rule is for."""

    messages: Sequence[Given]
    places: Sequence[int]
    ignored: int


@dataclass(frozen=True, slots=True)
class Hook:
    """A declared channel, ready for requests. Without a verifier the channel's write key opens it."""

    channel: Channel
    document: ChannelDocument
    verifier: Verifier | None
    mapping: PayloadMapping

    def items(self, body: bytes, query: Mapping[str, str]) -> list[Any]:
        """Return the items of a verified body. Raises Malformed."""
        return self.mapping.items(read_payload(self.document.decode, body), query)

    async def messages(self, items: Sequence[Any], seed: str | None = None) -> Mapped:
        """Return the messages of items; those beyond what a request may hold are refused."""
        messages: list[Given] = []
        places: list[int] = []
        ignored = 0
        for place, item in enumerate(items):
            if place % TURN == TURN - 1:
                await asyncio.sleep(0)
            before = len(messages)
            messages.extend(self.mapping.messages(item, seed))
            places.extend([place] * (len(messages) - before))
            ignored += before == len(messages)
        over = len(messages) - MAX_BATCH_EVENTS
        if over > 0:
            messages[-over:] = [Refused("", f"is beyond the {MAX_BATCH_EVENTS} messages of a request")] * over
        return Mapped(messages, places, ignored)


class Hooks(Protocol):
    """Finds declared channels by name."""

    async def find(self, name: str) -> Hook | None:
        """Return the enabled, declared channel. Raises Unavailable when that cannot be told now."""
        ...


def make_hook(channel: Channel, document: ChannelDocument, secrets: Secrets) -> Hook:
    """Compile a declaration. Raises BadMapping, BadSecrets."""
    return Hook(channel, document, make_verifier(document, secrets), PayloadMapping(document))
