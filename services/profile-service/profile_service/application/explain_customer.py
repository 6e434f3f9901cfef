"""Query: why these fragments are one customer, as the chain of evidence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from profile_service.application.merge_customers import NoSuchCustomer
from profile_service.domain.parting import Edge, path_between


@dataclass(frozen=True, slots=True)
class Evidence:
    """An identifier, its value masked where its type calls for it; None when it is stored no more."""

    type: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Undo:
    """Who undid a merge, why and when."""

    at: datetime
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A merge: the customers that it made one, the two fragments it ties, and its evidence.

    `rule` is identifier, manual or suggestion; the last two name `actor` and `reason` in place of a touchpoint and
    identifiers. `identifier` met `strongest` in the touchpoint.
    """

    merge_id: UUID
    customer_id: UUID
    absorbed_customer_id: UUID
    home_profile_id: UUID
    owner_profile_id: UUID
    rule: str
    identifier: Evidence | None
    strongest: Evidence | None
    touchpoint_id: UUID | None
    merged_at: datetime
    actor: str | None
    reason: str | None
    undone: Undo | None

    @property
    def edge(self) -> Edge:
        """The two fragments that the merge ties."""
        return Edge(self.merge_id, self.home_profile_id, self.owner_profile_id)


@dataclass(frozen=True, slots=True)
class HeldIdentifier:
    """An identifier of a fragment, masked, with the touchpoint that brought it first."""

    type: str
    value: str
    first_seen_at: datetime
    touchpoint_id: UUID
    verified: bool
    quarantined: bool


@dataclass(frozen=True, slots=True)
class ExplainedFragment:
    """A fragment of a customer with the identifiers it owns, in the order they were first seen."""

    profile_id: UUID
    founded_at: datetime
    identifiers: Sequence[HeldIdentifier]


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of the chain from one fragment to another."""

    merge_id: UUID
    from_profile_id: UUID
    to_profile_id: UUID


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer is one: its fragments, and the merges that hold them together as a tree.

    With another id asked about, `path` is the chain of merges between the two; None when they are not one customer.
    """

    customer_id: UUID
    redirected_from: UUID | None
    fragments: Sequence[ExplainedFragment]
    merges: Sequence[JournalEntry]
    other: UUID | None
    path: Sequence[PathStep] | None


class ExplanationReads(Protocol):
    """Reads over one connection. All cost what the customer's fragments and identifiers cost, not its history."""

    async def customer_of(self, profile_id: UUID) -> UUID | None:
        """Return the customer that an id ever given out means now."""
        ...

    async def fragments(self, customer_id: UUID) -> Sequence[ExplainedFragment]:
        """Return the fragments of a customer, oldest first."""
        ...

    async def merges_among(self, profile_ids: Collection[UUID]) -> Sequence[JournalEntry]:
        """Return the merges that hold among all fragments of a customer, oldest first."""
        ...


async def explain_customer(given: UUID, other: UUID | None, reads: ExplanationReads) -> Explanation:
    """Explain the customer that an id belongs to now. Raises NoSuchCustomer, of either id.

    `other` may be any id ever given out as well: of a fragment, or of a customer that was merged away.
    """
    customer_id = await reads.customer_of(given)
    if customer_id is None:
        raise NoSuchCustomer(given)
    if other is not None and await reads.customer_of(other) is None:
        raise NoSuchCustomer(other)
    fragments = await reads.fragments(customer_id)
    merges = await reads.merges_among([fragment.profile_id for fragment in fragments])
    return Explanation(
        customer_id=customer_id,
        redirected_from=None if given == customer_id else given,
        fragments=fragments,
        merges=merges,
        other=other,
        path=None if other is None else _path(given, other, merges),
    )


def _path(start: UUID, end: UUID, merges: Sequence[JournalEntry]) -> list[PathStep] | None:
    edges = path_between(start, end, [merge.edge for merge in merges])
    if edges is None:
        return None
    steps: list[PathStep] = []
    here = start
    for edge in edges:
        there = edge.owner_profile_id if edge.home_profile_id == here else edge.home_profile_id
        steps.append(PathStep(edge.merge_id, here, there))
        here = there
    return steps
