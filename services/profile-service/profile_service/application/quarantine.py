"""Commands and queries on the quarantine: identifiers that link nobody, because many people share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from profile_service.application.locking import lock_customers_of
from profile_service.application.merge_ports import Decision
from profile_service.application.ports import Structure


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An identifier in quarantine, its value masked, with who or what put it there and whose it was.

    `profile_id` is the fragment of its own, which collects its anonymous touchpoints; None until it has any.
    """

    hash: str
    type: str
    value: str
    quarantined_at: datetime
    reason: str | None
    actor: str | None
    profile_id: UUID | None
    former_profile_id: UUID | None
    touchpoint_id: UUID | None


class HeldValue(NamedTuple):
    """How an identifier stands: the fragment that owns it (in quarantine its own, if any), and since when it is there.

    `former_profile_id` is whose it was before its last quarantine.
    """

    profile_id: UUID | None
    quarantined_at: datetime | None
    former_profile_id: UUID | None


class Quarantine(Structure, Protocol):
    """Identifiers and their quarantine, inside one transaction."""

    async def held(self, identifier_hash: bytes) -> HeldValue | None: ...
    async def shut(self, identifier_hash: bytes, held: HeldValue, decision: Decision) -> None:
        """Put an identifier into quarantine. Fails as a transient error when it stands otherwise than `held`."""
        ...

    async def release(
        self, identifier_hash: bytes, held: HeldValue, owner: UUID | None, decision: Decision
    ) -> None:
        """Give an identifier to its owner, or forget it when it has none; fails as `shut` does."""
        ...

    async def page(self, *, limit: int, before: tuple[datetime, bytes] | None) -> Sequence[Quarantined]:
        """Return what is in quarantine, the newest first."""
        ...


class NoSuchIdentifier(LookupError):
    """The identifier was never seen."""


class AlreadyShut(Exception):
    """The identifier is in quarantine already."""


class NotShut(Exception):
    """The identifier is not in quarantine."""


async def quarantine(identifier_hash: bytes, decision: Decision, store: Quarantine) -> UUID:
    """Put an identifier into quarantine: from now on it links nobody and belongs to nobody.

    Returns the customer who had it. Raises NoSuchIdentifier, AlreadyShut.
    """
    held = await _held(identifier_hash, store)
    if held.quarantined_at is not None or held.profile_id is None:
        raise AlreadyShut
    memberships = await lock_customers_of([held.profile_id], store)
    await store.shut(identifier_hash, held, decision)
    return memberships[held.profile_id].customer_id


async def release(identifier_hash: bytes, decision: Decision, store: Quarantine) -> UUID | None:
    """Let an identifier link again: it stays with its own fragment if it has one, else it returns to whose it was.

    Returns the customer who has it now; None when nobody ever had it, who sees it next may. Raises NoSuchIdentifier,
    NotShut.
    """
    held = await _held(identifier_hash, store)
    if held.quarantined_at is None:
        raise NotShut
    owner = held.profile_id or held.former_profile_id
    memberships = await lock_customers_of([owner] if owner else [], store)
    found = memberships.get(owner) if owner else None
    await store.release(identifier_hash, held, owner if found else None, decision)
    return found.customer_id if found else None


async def _held(identifier_hash: bytes, store: Quarantine) -> HeldValue:
    held = await store.held(identifier_hash)
    if held is None:
        raise NoSuchIdentifier
    return held
