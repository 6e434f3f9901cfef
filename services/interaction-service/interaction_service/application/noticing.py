"""What a recorded touchpoint adds to the indexes of its fragment's timeline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from interaction_service.application.content import decode_content
from interaction_service.application.key_moments import KeyMoments
from interaction_service.application.message import JsonObject
from interaction_service.application.ports import TimelineRow
from interaction_service.application.text_index import TextIndex


class WordRow(NamedTuple):
    """The words of a touchpoint, as the database sees them."""

    profile_id: UUID
    occurred_at: datetime
    touchpoint_id: UUID
    words: Sequence[int]


class MomentRow(NamedTuple):
    """A touchpoint that is a key moment."""

    profile_id: UUID
    occurred_at: datetime
    touchpoint_id: UUID
    moment: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """What goes into the indexes; of the moments `first` only what may be a fragment's earliest."""

    words: Sequence[WordRow]
    moments: Sequence[MomentRow]
    first: Collection[str]


class Noticing:
    """Looks into touchpoints as they are recorded; those that are no track event it does not even open."""

    def __init__(self, keyring: Keyring, texts: TextIndex, moments: KeyMoments) -> None:
        self._keyring = keyring
        self._texts = texts
        self._moments = moments

    def look_at(self, rows: Sequence[TimelineRow]) -> Noticed:
        """Return what these touchpoints add; the content of one that no key opens adds nothing."""
        words: list[WordRow] = []
        moments: list[MomentRow] = []
        for row in rows:
            possible = self._moments.possible(row)
            wanted = any(ruled.needs_content for ruled in possible)
            properties = self._written(row, wanted=wanted)
            if properties and (found := self._texts.words(row.profile_id, properties)):
                words.append(WordRow(row.profile_id, row.occurred_at, row.touchpoint_id, found))
            if possible:
                held = self._moments.holding(possible, row, properties)
                moments += (MomentRow(row.profile_id, row.occurred_at, row.touchpoint_id, m) for m in held)
        return Noticed(words, _earliest(moments, self._moments.first), self._moments.first)

    def _written(self, row: TimelineRow, *, wanted: bool) -> JsonObject:
        """Return the properties of a touchpoint where a rule reads them, or where they may hold free text."""
        if row.kind != "track" and not wanted:
            return {}
        try:
            plain = self._keyring.open(row.sealed, row.touchpoint_id.bytes)
            if not wanted and not self._texts.may_have_text(plain):
                return {}
            return decode_content(plain).properties or {}
        except (SealBroken, msgspec.MsgspecError):
            return {}


def _earliest(moments: Iterable[MomentRow], first: Collection[str]) -> list[MomentRow]:
    """Leave of the moments `first` the earliest of each fragment."""
    kept: dict[tuple[UUID, str], MomentRow] = {}
    others: list[MomentRow] = []
    for row in moments:
        if row.moment not in first:
            others.append(row)
        elif (key := (row.profile_id, row.moment)) not in kept or row < kept[key]:
            kept[key] = row
    return [*others, *kept.values()]
