"""What an erasure needs of the outside. Implementations work within the transaction they were made for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from guanxi_contracts.privacy import LegalHold
from profile_service.domain.erasure import RequestState, State


class KnownBy(NamedTuple):
    """An identifier of the person, in clear (empty when no key opens it); a shared one is in quarantine."""

    hash: bytes
    type: str
    namespace: str
    value: str
    shared: bool


class Partner(NamedTuple):
    """A registered partner, and the identifier types it knows people by."""

    partner_id: UUID
    name: str
    identifier_types: frozenset[str]


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """An entry of the ledger: whom to erase, wherever and whenever it is read. Nothing in it is personal data."""

    request_id: UUID
    requested_at: datetime
    customer_ids: Sequence[UUID]
    profile_ids: Sequence[UUID]
    tombstones: Sequence[bytes]
    holds: Sequence[LegalHold] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an erasure in one place. `sealed_identifiers` are for a partner that still has to be told."""

    place: str
    state: State
    updated_at: datetime
    erased: Mapping[str, int] = field(default_factory=dict)
    legal_ground: str | None = None
    retained_until: datetime | None = None
    detail: str | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    partner_id: UUID | None = None
    sealed_identifiers: bytes | None = None


class RequestStanding(NamedTuple):
    """How far a request is."""

    request_id: UUID
    requested_at: datetime
    state: RequestState


class Removal(NamedTuple):
    """What was removed, by table, and what the platform's own proofs keep, by place.

    `regrouped` are fragments left behind that got another customer id (old, new, versions).
    """

    erased: dict[str, int]
    proofs: Mapping[str, int]
    regrouped: Sequence[tuple[UUID, UUID, Mapping[UUID, int]]] = ()


class SharedIdentifier(Exception):
    """The identifier is in quarantine: it is of several people, and names none of them."""


class Persons(Protocol):
    """The persons of profile-service, to be found and removed."""

    async def alone(self) -> None:
        """Wait for those who write facts of persons, and keep them from it until the transaction ends."""
        ...

    async def owner(self, identifier_hash: bytes) -> UUID | None:
        """Return the fragment that an identifier belongs to. Raises SharedIdentifier."""
        ...

    async def fragments(self, profile_id: UUID) -> Sequence[UUID]:
        """Lock the customer that an id means now and return its fragments; none for an unknown id."""
        ...

    async def identifiers(self, profile_ids: Collection[UUID]) -> Sequence[KnownBy]: ...
    async def remove(self, request: ErasureRequest) -> Removal:
        """Remove everything stored under the request's fragments, except what its legal holds keep."""
        ...


class Ledger(Protocol):
    """Requests, their receipts and tombstones."""

    async def request_of(self, profile_id: UUID) -> UUID | None:
        """Return the request that erased a fragment."""
        ...

    async def request_by(self, tombstone: bytes) -> UUID | None:
        """Return the latest request that erased an identifier."""
        ...

    async def add(self, request: ErasureRequest, actor: str, sealed_reason: bytes | None) -> bool:
        """Store an open request with its tombstones; False when it is there already."""
        ...

    async def add_receipts(self, request_id: UUID, receipts: Sequence[Receipt]) -> None: ...
    async def partners(self) -> Sequence[Partner]:
        """Return the partners to be told of erasures."""
        ...


class Standing(NamedTuple):
    """An identifier or fragment that was erased: when, and by which request."""

    erased_at: datetime
    request_id: UUID


class Erasures(Protocol):
    """What was erased, for whoever writes facts of persons."""

    async def hold_off(self) -> datetime | None:
        """Keep erasures waiting until the transaction ends; return the time of the newest one there was."""
        ...

    async def erased_identifiers(self, tombstones: Collection[bytes]) -> dict[bytes, Standing]: ...
    async def erased_fragments(self, profile_ids: Collection[UUID]) -> dict[UUID, Standing]: ...
    async def returned(self, hashes: Collection[bytes]) -> set[bytes]:
        """Return which of these erased identifiers are there again: somebody has brought them since."""
        ...

    async def count_suppressed(self, touchpoints: Mapping[UUID, int]) -> None:
        """Add to the suppressed touchpoints of requests."""
        ...


class Seals(Protocol):
    """Keyed hashes and seals of the erasure's own data."""

    def tombstone(self, identifier_hash: bytes) -> bytes: ...
    def seal_reason(self, request_id: UUID, reason: str) -> bytes: ...
    def seal_known_by(self, request_id: UUID, partner_id: UUID, known_by: Sequence[KnownBy]) -> bytes: ...
