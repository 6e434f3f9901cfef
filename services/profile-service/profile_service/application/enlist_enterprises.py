"""Finds the enterprises that a batch names. Each is a customer of its own: it never merges with a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from guanxi_contracts.touchpoint import IdentifierRef, TouchpointReceivedV1
from profile_service.application.ports import Identities, NewFragment, SealedIdentifier, Vault
from profile_service.domain.customer_number import business_day, format_customer_number
from profile_service.domain.decisions import Attachment
from profile_service.domain.fragments import enterprise_fragment_id
from profile_service.domain.identity import FIRST_VERSION, Membership
from profile_service.domain.view import STAFF


def tells_of_enterprise(touchpoint: TouchpointReceivedV1) -> bool:
    """Tell whether it says what an enterprise or a contact is; others only name the enterprise they act for."""
    return touchpoint.enterprise is not None and (touchpoint.kind == "group" or touchpoint.channel == STAFF)


@dataclass(slots=True)
class Enlisted:
    """The enterprise of each touchpoint that names one, by position; which of them are new, by what brought them."""

    placements: dict[int, UUID] = field(default_factory=dict)
    memberships: dict[UUID, Membership] = field(default_factory=dict)
    founded: dict[UUID, int] = field(default_factory=dict)


async def enlist_enterprises(
    touchpoints: Sequence[TouchpointReceivedV1], identities: Identities, vault: Vault, now: datetime
) -> Enlisted:
    """Return the enterprises that touchpoints name; those never seen before are founded and numbered."""
    named: dict[bytes, list[int]] = {}
    for position, touchpoint in enumerate(touchpoints):
        if touchpoint.enterprise is not None:
            named.setdefault(touchpoint.enterprise.hash, []).append(position)
    enlisted = Enlisted()
    if not named:
        return enlisted
    known = await identities.read(list(named), [])
    new = {hash_: positions[0] for hash_, positions in named.items() if hash_ not in known.owners}
    for hash_, positions in named.items():
        first = touchpoints[positions[0]]
        profile_id = known.owners.get(hash_) or enterprise_fragment_id(first.touchpoint_id, first.received_at)
        enlisted.placements |= dict.fromkeys(positions, profile_id)
        enlisted.memberships[profile_id] = known.memberships.get(profile_id) or Membership(
            profile_id, FIRST_VERSION
        )
    if new:
        enlisted.founded = {enlisted.placements[position]: position for position in new.values()}
        await _found(touchpoints, enlisted.founded, identities, vault, now)
    return enlisted


async def _found(
    touchpoints: Sequence[TouchpointReceivedV1],
    founded: Mapping[UUID, int],
    identities: Identities,
    vault: Vault,
    now: datetime,
) -> None:
    day = business_day(now)
    numbers = await identities.next_numbers(day, len(founded))
    await identities.found(
        [
            NewFragment(
                profile_id,
                Membership(profile_id, FIRST_VERSION),
                format_customer_number(day, number),
                now,
                "enterprise",
            )
            for profile_id, number in zip(founded, numbers, strict=True)
        ]
    )
    await identities.attach(
        [
            _identifier(touchpoints[position], position, profile_id, vault)
            for profile_id, position in founded.items()
        ],
        now,
    )


def _identifier(
    touchpoint: TouchpointReceivedV1, position: int, profile_id: UUID, vault: Vault
) -> SealedIdentifier:
    ref = touchpoint.enterprise
    assert isinstance(ref, IdentifierRef)
    sealed = vault.seal_identifier(vault.open_enterprise(touchpoint), ref.hash)
    return SealedIdentifier(
        Attachment(ref.hash, ref.type, profile_id, position, ref.verified), sealed, touchpoint
    )
