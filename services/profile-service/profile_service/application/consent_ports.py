"""What keeping and reading consents needs of the outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.consents import Consent, ConsentKey, Standing


class Appended(NamedTuple):
    """What became of decisions: those new to the ledger, those there before, and what changed in force."""

    new: set[UUID]
    repeated: set[UUID]
    changed: set[ConsentKey]


class ConsentLedger(Protocol):
    """The append-only ledger and what holds by it, in an open transaction."""

    async def append(self, consents: Sequence[Consent], now: datetime) -> Appended:
        """Add decisions that are not there yet; what took effect latest holds."""
        ...

    async def differing(self, consents: Sequence[Consent]) -> set[UUID]:
        """Return the ids under which the ledger holds a decision of another person, purpose or outcome."""
        ...

    async def standings(self, profile_ids: Collection[UUID]) -> Sequence[Standing]:
        """Return what holds of fragments."""
        ...

    async def lock_told(self, profile_ids: Collection[UUID]) -> dict[tuple[UUID, str], datetime]:
        """Keep other transactions from these fragments' reports, and return when each purpose was last told of."""
        ...

    async def remember_told(self, told: Mapping[tuple[UUID, str], datetime]) -> None:
        """Remember when purposes were last told of; the fragments are locked, and what else was told of them given."""
        ...

    async def owners(self, hashes: Collection[bytes]) -> Mapping[bytes, UUID]:
        """Return the fragments that identifiers belong to; unknown and quarantined ones are absent."""
        ...

    async def siblings(self, profile_ids: Collection[UUID]) -> Mapping[UUID, tuple[UUID, list[UUID]]]:
        """Return by given id its customer and all fragments of that; unknown ids are absent."""
        ...


class RecordedConsent(NamedTuple):
    """An entry of the ledger as it was recorded; `evidence` is JSON text in clear."""

    consent: Consent
    recorded_at: datetime


class ConsentReads(Protocol):
    """Reads of consents. All but the history cost the same however much was decided."""

    async def standings(self, profile_ids: Collection[UUID]) -> Sequence[Standing]: ...
    async def standing_of(
        self, given: UUID, purpose: str, channel: str
    ) -> tuple[UUID, list[UUID], list[Standing]] | None:
        """Return customer, fragments and what holds of one purpose and channel; None if there is no customer."""
        ...

    async def history(
        self, profile_ids: Collection[UUID], before: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[RecordedConsent]:
        """Return entries of the ledger, the last recorded first."""
        ...
