"""What a record should not have: values that are no identifiers, and fields that nobody declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from profile_service.domain.traits import Told


@dataclass(frozen=True, slots=True)
class NotIdentifier:
    """A value (JSON text) that a channel gave in place of an identifier of a type, and why it is none."""

    profile_id: UUID
    type: str
    channel: str
    value: bytes
    reason: str
    told: Told

    @property
    def key(self) -> tuple[UUID, str, str]:
        """The newest of each key is kept."""
        return self.profile_id, self.type, self.channel


class FieldKey(NamedTuple):
    """A field as one channel tells it, counted by source partition."""

    source: str
    name: str
    channel: str


@dataclass(slots=True)
class Sightings:
    """When a field was told first and last, and how often."""

    first_at: datetime
    last_at: datetime
    times: int


class FieldSightings:
    """Counts the fields of a batch that no purpose covers."""

    def __init__(self) -> None:
        self._found: dict[FieldKey, Sightings] = {}

    def add(self, source: str, name: str, channel: str, at: datetime) -> None:
        """Count one."""
        key = FieldKey(source, name, channel)
        sightings = self._found.get(key)
        if sightings is None:
            self._found[key] = Sightings(at, at, 1)
        else:
            sightings.first_at = min(sightings.first_at, at)
            sightings.last_at = max(sightings.last_at, at)
            sightings.times += 1

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[tuple[FieldKey, Sightings]]:
        return iter(sorted(self._found.items(), key=lambda item: item[0]))
