"""What the platform must know at the end: what was accepted, less what erasures have to do with."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Oracle:
    """Reckons from the accepted messages and from when, ascending, each erased identifier was erased."""

    accepted: Sequence[Message]
    erased_at: Mapping[str, Sequence[datetime]]

    @cached_property
    def kept(self) -> list[Message]:
        """Messages that outlive erasures: they happened after the last one of whatever they carry."""
        return [message for message in self.accepted if not self._is_erased(message)]

    @cached_property
    def groups(self) -> list[list[Message]]:
        """Kept messages by person, as far as the platform can know: connected components of identifiers."""
        parent: dict[str, str] = {}

        def find(item: str) -> str:
            while parent.setdefault(item, item) != item:
                parent[item] = item = parent[parent[item]]
            return item

        for message in self.kept:
            first, *others = identifiers(message)
            for other in others:
                parent[find(other)] = find(first)
        groups: dict[str, list[Message]] = {}
        for message in self.kept:
            groups.setdefault(find(identifiers(message)[0]), []).append(message)
        return list(groups.values())

    @cached_property
    def purchases(self) -> Counter[str]:
        """Amount in minor units by user id."""
        amounts: Counter[str] = Counter()
        for message in self.kept:
            if message["type"] == "track":
                amounts[message["userId"]] += round(float(message["properties"]["revenue"]) * 100)
        return amounts

    @cached_property
    def lives(self) -> Counter[str]:
        """Count by user id the lives, from erasure to erasure, in which somebody bought."""
        lives = {
            (message["userId"], bisect_left(self.erased_at.get(message["userId"], ()), moment(message)))
            for message in self.accepted
            if message["type"] == "track"
        }
        return Counter(user_id for user_id, _ in lives)

    def _is_erased(self, message: Message) -> bool:
        return any(
            moment(message) <= self.erased_at[each][-1]
            for each in identifiers(message)
            if each in self.erased_at
        )


def moment(message: Message) -> datetime:
    """Return when a message happened."""
    return datetime.fromisoformat(message["timestamp"])


def identifiers(message: Message) -> list[str]:
    """Return what a message knows its person by."""
    context = message.get("context", {})
    found = [
        message.get("userId"),
        message.get("anonymousId"),
        context.get("device", {}).get("id"),
        context.get("traits", {}).get("email"),
    ]
    return [item for item in found if item]
