"""Keeping what another service tells of customers for their views: the newest version of each thing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from guanxi_contracts.customer import ChangedPart
from guanxi_kit.consumer import Cause, Unit
from guanxi_kit.erasure import erased_among
from profile_service.adapters.publisher import publish_part


class Told(Protocol):
    """A thing as it stands, kept under a fragment; `version` grows with every change of it."""

    profile_id: UUID
    version: int


T = TypeVar("T", bound=Told)
T_contra = TypeVar("T_contra", bound=Told, contravariant=True)


class Keeps(Protocol[T_contra]):
    """Where things of one kind stand."""

    async def keep(self, things: Sequence[T_contra], /) -> set[UUID]:
        """Store things newer than what is there; return the fragments whose things changed. One row a thing."""
        ...

    async def customers(self, profile_ids: Collection[UUID], /) -> dict[UUID, UUID]:
        """Return the customer that each of these fragments belongs to now; unknown ones are absent."""
        ...


async def keep_for_view(
    unit: Unit, told: Iterable[tuple[UUID, T, Cause]], store: Keeps[T], part: ChangedPart
) -> None:
    """Keep things by their ids, and tell whose view changed in this part; erased persons are left out."""
    told = list(told)
    erased = await erased_among(unit.connection, {thing.profile_id for _, thing, _ in told})
    newest: dict[UUID, T] = {}
    causes: dict[UUID, Cause] = {}
    for thing_id, thing, cause in told:
        standing = newest.get(thing_id)
        if thing.profile_id not in erased and (standing is None or standing.version < thing.version):
            newest[thing_id] = thing
            causes[thing.profile_id] = cause
    if newest:
        customers = await store.customers(await store.keep(list(newest.values())))
        by_customer = {customer: causes[profile_id] for profile_id, customer in customers.items()}
        publish_part(part, by_customer, unit.outbox, unit.now)
