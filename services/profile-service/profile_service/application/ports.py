"""What the application needs of the outside. Implementations work within the transaction they were made for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from guanxi_contracts.score import ScoreChangedV1
from guanxi_contracts.touchpoint import TouchpointReceivedV1
from profile_service.domain.activity import Activity, ActivityKey
from profile_service.domain.census import Known
from profile_service.domain.contacts import Contact
from profile_service.domain.decisions import Attachment, IdentifierChange, Merge, Refusal, Suggestion
from profile_service.domain.identity import Membership
from profile_service.domain.traits import Earlier, Standing, Told, Trait, TraitChanges, TraitKey
from profile_service.domain.undeclared import FieldSightings, NotIdentifier

CustomerKind = Literal["individual", "enterprise"]
MergeRule = Literal["identifier", "manual", "suggestion"]


class SealedIdentifier(NamedTuple):
    """A new identifier with its encrypted value and what brought it when."""

    attachment: Attachment
    sealed: bytes
    touchpoint: TouchpointReceivedV1


class NewFragment(NamedTuple):
    """A founded fragment, its membership after the batch, and the number of the customer it founds."""

    profile_id: UUID
    membership: Membership
    customer_number: str
    founded_at: datetime
    kind: CustomerKind = "individual"


class Tally(NamedTuple):
    """What one source partition adds to the totals."""

    touchpoints: int
    fragments: int
    merges: int


class Unusable(NamedTuple):
    """A value (JSON text) that was given as an identifier and is none."""

    type: str
    value: bytes
    reason: str


class ToldContent(NamedTuple):
    """What a touchpoint tells: traits by name as JSON text, of the person and of the group; what is no identifier.

    `role` is what the person is in the enterprise, and `until` when that ends.
    """

    traits: Mapping[str, bytes]
    group_traits: Mapping[str, bytes]
    unusable: Sequence[Unusable]
    role: str | None
    until: datetime | None


class Vault(Protocol):
    """Opens and seals personal data."""

    def open_identifiers(self, touchpoint: TouchpointReceivedV1) -> Mapping[bytes, bytes]:
        """Return by hash the identifiers' plain values, as stored under seal."""
        ...

    def open_told(self, touchpoint: TouchpointReceivedV1) -> ToldContent:
        """Return what a touchpoint tells."""
        ...

    def open_enterprise(self, touchpoint: TouchpointReceivedV1) -> bytes:
        """Return the plain value of the enterprise's identifier, as stored under seal."""
        ...

    def trait_hash(self, name: str, value: bytes) -> bytes:
        """Return the keyed hash by which a trait's value (JSON text) is recognised."""
        ...

    def seal_identifier(self, value: bytes, identifier_hash: bytes) -> bytes: ...


class Authority(NamedTuple):
    """Whose decision a merge is: a rule's on an identifier, or a person's with a reason."""

    rule: MergeRule = "identifier"
    actor: str | None = None
    reason: str | None = None


RULES = Authority()


class Structure(Protocol):
    """Which fragments make up which customer."""

    async def memberships(self, profile_ids: Collection[UUID]) -> dict[UUID, Membership]:
        """Return the memberships of fragments; unknown ones are absent."""
        ...

    async def enterprises(self, profile_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these fragments that are an enterprise's."""
        ...

    async def lock(self, customers: Collection[UUID]) -> None:
        """Keep other transactions from changing these customers until this one ends."""
        ...

    async def members(self, customers: Collection[UUID]) -> dict[UUID, list[UUID]]:
        """Return the fragments of customers."""
        ...

    async def move(self, memberships: Mapping[UUID, Membership]) -> None:
        """Give existing fragments their new memberships, noting on each that it is not alone."""
        ...

    async def mark_joined(self, customers: Collection[UUID]) -> None:
        """Note on all fragments of these customers that they are not alone."""
        ...

    async def journal(self, merges: Sequence[Merge], now: datetime, by: Authority = RULES) -> None:
        """Record merges, so that they can be explained and undone."""
        ...

    async def add_totals(self, totals: Mapping[str, Tally]) -> None:
        """Add to the totals, by source partition."""
        ...


class HistoryEntry(NamedTuple):
    """Something that happened to an identifier; `kind` is one of the table's. By a touchpoint or by a person."""

    hash: bytes
    kind: str
    profile_id: UUID | None
    former_profile_id: UUID | None
    reason: str
    touchpoint_id: UUID | None = None
    actor: str | None = None


class Identifiers(Structure, Protocol):
    """Identifiers and what became of them."""

    async def attach(self, identifiers: Sequence[SealedIdentifier], now: datetime) -> None:
        """Store new identifiers. Fails as a transient error when one is no longer new: the batch is worked again."""
        ...

    async def change(self, changes: Mapping[bytes, IdentifierChange], now: datetime) -> None:
        """Bring identifiers to their new standing. Fails as `attach` does when one stands otherwise than expected."""
        ...

    async def remember(self, entries: Sequence[HistoryEntry], now: datetime) -> None:
        """Append to the history of identifiers."""
        ...

    async def record_refusals(self, refusals: Sequence[tuple[Refusal, UUID]], now: datetime) -> None:
        """Record refused links, each with its touchpoint; a pair refused again is counted."""
        ...

    async def suggest(self, suggestions: Sequence[tuple[Suggestion, UUID]], now: datetime) -> set[UUID]:
        """Queue merges for review, each with its touchpoint, once for ever; return the ids of the new ones."""
        ...


class Identities(Identifiers, Protocol):
    """What a batch is resolved against, and what it founds."""

    async def claim(self, touchpoint_ids: Collection[UUID]) -> set[UUID]:
        """Remember touchpoints for ever and return those never seen before."""
        ...

    async def read(self, hashes: Collection[bytes], named: Collection[UUID]) -> Known:
        """Return what is known of these identifiers and fragments, without any census."""
        ...

    async def count(self, customers: Collection[UUID], known: Known, windowed: Collection[str]) -> None:
        """Add the census of customers, and their memberships, to `known`; `windowed` types with each moment."""
        ...

    async def guard(self, customers: Collection[UUID], known: Known, merged_after: datetime | None) -> None:
        """Add to `known` the blocks between counted customers, and how often they merged after a moment, if any."""
        ...

    async def next_numbers(self, day: date, count: int) -> Sequence[int]:
        """Return unused sequence numbers of a business day."""
        ...

    async def found(self, fragments: Sequence[NewFragment]) -> None: ...


class Facts(Protocol):
    """What is stored under fragments."""

    async def add_activity(self, activity: Mapping[ActivityKey, Activity]) -> None: ...


class Traits(Protocol):
    """What sources told, by fragment."""

    async def lock(self, keys: Collection[TraitKey]) -> Mapping[TraitKey, Standing]:
        """Return what these sources hold to, as nobody else can change it until the transaction ends."""
        ...

    async def before(self, late: Sequence[Trait]) -> Mapping[tuple[TraitKey, Told], Earlier]:
        """Return what the same source told before each of these; nothing for those that nothing precedes."""
        ...

    async def keep(self, changes: TraitChanges, now: datetime) -> None:
        """Write changes. Fails as a transient error when a new source is no longer new: the batch is worked again."""
        ...


class Record(Traits, Protocol):
    """What records hold."""

    async def link(self, contacts: Sequence[Contact]) -> None:
        """Link persons to enterprises; what is told last of a contact counts."""
        ...

    async def mark_invalid(self, found: Sequence[NotIdentifier]) -> None:
        """Keep the newest value of each source that is no identifier."""
        ...

    async def flag(self, sightings: FieldSightings) -> None:
        """Count undeclared fields, so many names at most; what comes beyond is counted together."""
        ...


class Scores(Protocol):
    """Scores by the customer they were computed for."""

    async def keep(self, scores: Sequence[ScoreChangedV1]) -> set[UUID]:
        """Store scores that are newer than what is there; return whose changed."""
        ...

    async def survivors(self, customers: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the customer that each of these belongs to now; unknown ones are absent."""
        ...
