"""Traits with lineage: what each source told and when. A source's history has one row for each change of its mind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class TraitKey(NamedTuple):
    """One trait of a fragment as one source tells it."""

    profile_id: UUID
    name: str
    channel: str


class Told(NamedTuple):
    """When something was told; the touchpoint decides between values of one moment."""

    occurred_at: datetime
    touchpoint_id: UUID


@dataclass(frozen=True, slots=True)
class Trait:
    """A value told about somebody (`value` is JSON text, `hash` its keyed hash); `null` says that there is none."""

    key: TraitKey
    told: Told
    value: bytes
    hash: bytes


class Standing(NamedTuple):
    """What a source holds to: a value, since when, and when it told it last."""

    hash: bytes
    since: Told
    last: Told


class Earlier(NamedTuple):
    """A value in a source's history."""

    hash: bytes
    told: Told


@dataclass(slots=True)
class TraitChanges:
    """What told traits change.

    `history`: rows to append. `restated`: keys whose standing value, as stored, is to be appended once more at the time
    it was told last, because a late value parts it. `first` and `changed`: new values of sources that told nothing
    before, or something else; `confirmed`: standing values told again.
    """

    history: list[Trait] = field(default_factory=list)
    restated: list[TraitKey] = field(default_factory=list)
    first: dict[TraitKey, tuple[Trait, Standing]] = field(default_factory=dict)
    changed: dict[TraitKey, tuple[Trait, Standing]] = field(default_factory=dict)
    confirmed: dict[TraitKey, Standing] = field(default_factory=dict)


def group_told(traits: Iterable[Trait]) -> dict[TraitKey, list[Trait]]:
    """Return what was told by key, in the order in which it was true."""
    groups: defaultdict[TraitKey, list[Trait]] = defaultdict(list)
    for trait in traits:
        groups[trait.key].append(trait)
    for group in groups.values():
        if len(group) > 1:
            group.sort(key=lambda trait: trait.told)
    return groups


def find_late(
    groups: Mapping[TraitKey, Sequence[Trait]], standing: Mapping[TraitKey, Standing]
) -> list[Trait]:
    """Return the traits that were true before the standing value began: history must say what went before them."""
    return [trait for key, current in standing.items() for trait in groups[key] if trait.told < current.since]


def plan_traits(
    groups: Mapping[TraitKey, Sequence[Trait]],
    standing: Mapping[TraitKey, Standing],
    before: Mapping[tuple[TraitKey, Told], Earlier],
) -> TraitChanges:
    """Find what changes; `before` holds for each late trait the row of its history in front of it, if there is one."""
    changes = TraitChanges()
    for key, told in groups.items():
        source = _Source(key, standing.get(key), changes)
        for trait in told:
            source.take(trait, before.get((key, trait.told)))
        source.close()
    return changes


class _Source:
    """Takes what one source told of one trait, in the order in which it was true."""

    def __init__(self, key: TraitKey, stored: Standing | None, changes: TraitChanges) -> None:
        self._key = key
        self._stored = self._now = stored
        self._changes = changes
        self._value: Trait | None = None
        self._appended: Earlier | None = None

    def take(self, trait: Trait, before: Earlier | None) -> None:
        """Take the next one; `before` is the stored row of history in front of it, if it is late."""
        now = self._now
        if now is None or trait.told > now.last:
            if now is not None and trait.hash == now.hash:
                self._now = now._replace(last=trait.told)
            else:
                self._append(trait)
                self._value, self._now = trait, Standing(trait.hash, trait.told, trait.told)
        elif self._stored is not None:
            self._take_late(trait, before, now, self._stored)

    def _take_late(self, trait: Trait, before: Earlier | None, now: Standing, stored: Standing) -> None:
        if trait.told > stored.since:
            before = Earlier(stored.hash, stored.since)
        if self._appended is not None and (before is None or self._appended.told > before.told):
            before = self._appended
        if before is not None and before.hash == trait.hash:
            return
        self._append(trait)
        if now.since < trait.told:
            # Within the standing value: it held before, and it is known to hold again from when it was last told.
            self._changes.restated.append(self._key)
            self._now = now._replace(since=now.last)

    def _append(self, trait: Trait) -> None:
        self._changes.history.append(trait)
        self._appended = Earlier(trait.hash, trait.told)

    def close(self) -> None:
        """Note what became of the standing value."""
        if self._now is None or self._now == self._stored:
            return
        if self._value is None:
            self._changes.confirmed[self._key] = self._now
        elif self._stored is None:
            self._changes.first[self._key] = (self._value, self._now)
        else:
            self._changes.changed[self._key] = (self._value, self._now)
