"""Commands: set a tag on a customer by hand, and take it off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from profile_service.application.classify_customers import Classification
from profile_service.domain.classification import Change


@dataclass(frozen=True, slots=True)
class TagWish:
    """A tag that somebody wants on a customer, until when, and why."""

    tag: str
    expires_at: datetime | None
    reason: str | None
    actor: str


class TagRefused(Exception):
    """The tag cannot be set or taken off by hand; the message says why, `field` what of the wish is to blame."""

    def __init__(self, reason: str, field: str = "tag") -> None:
        super().__init__(reason)
        self.field = field


class NotThere(Exception):
    """There is no such customer, or it has no such tag; the message says which."""


class HandTags(Protocol):
    """Tags set by people, with their history."""

    async def owner(self, profile_id: UUID) -> UUID | None:
        """Return the customer that a fragment, or a customer id ever given out, belongs to now."""
        ...

    async def set(self, profile_id: UUID, wish: TagWish, now: datetime) -> None:
        """Set or renew a tag."""
        ...

    async def take_off(self, customer_id: UUID, wish: TagWish, now: datetime) -> Sequence[UUID]:
        """Take a tag off all fragments of a customer; return those that had it."""
        ...


async def set_tag(
    given: UUID, wish: TagWish, tags: HandTags, desk: Classification
) -> tuple[UUID, list[Change]]:
    """Set a tag on the fragment that was named; return the customer and what changed. Raises TagRefused, NotThere.

    The fragment keeps it through merges and undos.
    """
    declared = desk.classifier.rulebook.tags.get(wish.tag)
    if declared is None:
        raise TagRefused("is not a declared tag")
    if declared.rule is not None:
        raise TagRefused("is set by its rule, not by hand")
    if wish.expires_at is not None and wish.expires_at <= desk.now:
        raise TagRefused("lies in the past", "expires_at")
    if wish.expires_at is None and declared.ttl is not None:
        wish = TagWish(wish.tag, desk.now + declared.ttl, wish.reason, wish.actor)

    async def act(_: UUID) -> None:
        await tags.set(given, wish, desk.now)

    return await _act_on(given, act, tags, desk)


async def take_tag_off(
    given: UUID, wish: TagWish, tags: HandTags, desk: Classification
) -> tuple[UUID, list[Change]]:
    """Take a tag off the customer; return the customer and what changed. Raises TagRefused, NotThere."""
    declared = desk.classifier.rulebook.tags.get(wish.tag)
    if declared is not None and declared.rule is not None:
        raise TagRefused("is set by its rule, not by hand")

    async def act(customer_id: UUID) -> None:
        if not await tags.take_off(customer_id, wish, desk.now):
            raise NotThere("The customer has no such tag.")

    return await _act_on(given, act, tags, desk)


async def _act_on(
    given: UUID, act: Callable[[UUID], Awaitable[None]], tags: HandTags, desk: Classification
) -> tuple[UUID, list[Change]]:
    """Act on the customer of a fragment and classify it.

    The lock comes first, as everywhere. Whoever merged the customer before it was held is seen by the second look;
    whoever merges it later classifies all its fragments, and waits for this transaction.
    """
    customer_id = await tags.owner(given)
    while True:
        if customer_id is None:
            raise NotThere("There is no such customer.")
        await desk.store.lock([customer_id])
        now_of = await tags.owner(given)
        if now_of == customer_id:
            break
        customer_id = now_of
    await act(customer_id)
    return customer_id, await desk.classify({customer_id: None})
