"""Query: what would come of a touchpoint, were it to arrive now. Nothing is locked or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from guanxi_contracts.touchpoint import IdentifierRef
from profile_service.application.ports import Identities
from profile_service.application.reading import Reading
from profile_service.domain.decisions import Resolution
from profile_service.domain.identity import IdentityRules
from profile_service.domain.resolution import resolve


@dataclass(frozen=True, slots=True)
class Hypothetical:
    """A touchpoint that nobody sent; `identifiers` are ordered strongest first."""

    touchpoint_id: UUID
    occurred_at: datetime
    received_at: datetime
    identifiers: Sequence[IdentifierRef]
    profile_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Simulation:
    """Where a touchpoint would go (`customer_id` after it, None where it would found one), and what it would change.

    In `resolution` the ids of what would be founded are of no use: the touchpoint's own would make others.
    """

    customer_id: UUID | None
    resolution: Resolution


async def simulate(
    identifiers: Sequence[IdentifierRef],
    identities: Identities,
    rules: IdentityRules,
    now: datetime,
    profile_id: UUID | None = None,
) -> Simulation:
    """Resolve one touchpoint of these identifiers, strongest first, against the state as it stands.

    `profile_id` names the customer, as staff do. The caller reads in a repeatable-read transaction, so that the parts
    of the state fit together.
    """
    sighting = Hypothetical(uuid4(), now, now, identifiers, profile_id)
    known = await Reading(identities, rules, now).unlocked([sighting])
    resolution = resolve([sighting], known, rules)
    (home,) = resolution.placements
    customer_id = known.memberships[home].customer_id
    return Simulation(None if customer_id in resolution.founded else customer_id, resolution)
