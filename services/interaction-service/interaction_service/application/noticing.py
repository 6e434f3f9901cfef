"""What a recorded touchpoint adds to the indexes of its fragment's timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from interaction_service.application.content import decode_content
from interaction_service.application.message import JsonObject
from interaction_service.application.ports import TimelineRow
from interaction_service.application.text_index import TextIndex


class WordRow(NamedTuple):
    """The words of a touchpoint, as the database sees them."""

    profile_id: UUID
    occurred_at: datetime
    touchpoint_id: UUID
    words: Sequence[int]


@dataclass(slots=True)
class Noticed:
    """What goes into the indexes."""

    words: list[WordRow] = field(default_factory=list)


class Noticing:
    """Looks into touchpoints as they are recorded. Of those without free text most cost an opening, others nothing."""

    def __init__(self, keyring: Keyring, texts: TextIndex) -> None:
        self._keyring = keyring
        self._texts = texts

    def look_at(self, rows: Sequence[TimelineRow]) -> Noticed:
        """Return what these touchpoints add; the content of one that no key opens adds nothing."""
        noticed = Noticed()
        for row in rows:
            properties = self._written(row)
            if properties and (words := self._texts.words(row.profile_id, properties)):
                noticed.words.append(WordRow(row.profile_id, row.occurred_at, row.touchpoint_id, words))
        return noticed

    def _written(self, row: TimelineRow) -> JsonObject | None:
        """Return the properties of a touchpoint that may hold free text."""
        if row.kind != "track":
            return None
        try:
            plain = self._keyring.open(row.sealed, row.touchpoint_id.bytes)
            return decode_content(plain).properties if self._texts.may_have_text(plain) else None
        except (SealBroken, msgspec.MsgspecError):
            return None
