"""How identifiers change hands within a batch: each step is noted for the state, the database and the history."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from profile_service.domain.census import Known
from profile_service.domain.decisions import (
    NOT_VERIFIED,
    QUARANTINED,
    TOO_MANY_VALUES,
    Attachment,
    EventKind,
    IdentifierChange,
    IdentifierEvent,
    Resolution,
    Standing,
)
from profile_service.domain.identity import Identifier, IdentityRules


class Standings:
    """Changes identifiers; the customers that own them must be in the census."""

    def __init__(self, known: Known, rules: IdentityRules, resolution: Resolution) -> None:
        self._known = known
        self._windowed = rules.windowed
        self._resolution = resolution

    def attach(self, position: int, identifier: Identifier, profile_id: UUID, at: datetime) -> None:
        """Give an unseen identifier to a fragment."""
        self._known.owners[identifier.hash] = profile_id
        if identifier.verified:
            self._known.verified.add(identifier.hash)
        self._count_in(identifier, profile_id, at)
        self._resolution.attachments.append(
            Attachment(identifier.hash, identifier.type, profile_id, position, identifier.verified)
        )

    def verify(self, position: int, identifier: Identifier) -> None:
        """Note that its owner proved to hold it, the first time."""
        if identifier.hash not in self._known.verified:
            before = self._known.standing(identifier.hash)
            self._change(position, identifier.hash, before._replace(verified=True), "verified", "sighting")

    def transfer(self, position: int, identifier: Identifier, profile_id: UUID, *, recycled: bool) -> None:
        """Give an identifier to the one who proved to hold it; `recycled` counts as a change of person."""
        before = self._known.standing(identifier.hash)
        first_seen_at = self._count_out(identifier)
        changes = before.changes + recycled
        after = Standing(profile_id, verified=True, changes=changes)
        reason = TOO_MANY_VALUES if recycled else NOT_VERIFIED
        self._change(position, identifier.hash, after, "transferred", reason)
        self._count_in(identifier, profile_id, first_seen_at)

    def quarantine(self, position: int, identifier: Identifier) -> None:
        """Take an identifier that several people share from its owner."""
        before = self._known.standing(identifier.hash)
        self._count_out(identifier)
        after = Standing(None, quarantined=True, changes=before.changes)
        self._change(position, identifier.hash, after, "quarantined", TOO_MANY_VALUES)

    def rehome(self, position: int, identifier: Identifier, profile_id: UUID) -> None:
        """Give an identifier in quarantine a fragment of its own."""
        before = self._known.standing(identifier.hash)
        after = before._replace(profile_id=profile_id)
        self._change(position, identifier.hash, after, "rehomed", QUARANTINED)

    def _change(self, position: int, hash_: bytes, after: Standing, kind: EventKind, reason: str) -> None:
        before = self._known.standing(hash_)
        first = self._resolution.changes.get(hash_)
        self._resolution.changes[hash_] = IdentifierChange(before if first is None else first.before, after)
        self._known.note(hash_, after)
        self._resolution.events.append(
            IdentifierEvent(hash_, kind, after.profile_id, before.profile_id, position, reason)
        )

    def _count_in(self, identifier: Identifier, profile_id: UUID, first_seen_at: datetime | None) -> None:
        counted_from = first_seen_at if identifier.type in self._windowed else None
        self._known.census_of(profile_id).add(identifier.type, identifier.hash, counted_from)

    def _count_out(self, identifier: Identifier) -> datetime | None:
        owner = self._known.owners[identifier.hash]
        return self._known.census_of(owner).remove(identifier.type, identifier.hash)
