"""Touchpoint events: what a channel reported, before and after the person behind it is known."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from guanxi_contracts.envelope import EventType, Instant

TouchpointKind = Literal["identify", "track", "page", "screen", "group", "alias"]


class IdentifierRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """An identifier without its value: its type and the 16-byte keyed hash of the normalised value.

    `verified`: the channel says that the person proved to hold it (a code sent there, a login).
    """

    type: str
    hash: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    verified: bool = False


class Purchase(msgspec.Struct, frozen=True, omit_defaults=True):
    """Figures of a purchase. `amount_minor` is in minor units of the ISO 4217 `currency` (cents, fen)."""

    amount_minor: int
    currency: str
    quantity: int = 1


class TouchpointReceivedV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A touchpoint accepted from a channel.

    `sealed` holds its content, AES-256-GCM, bound to `touchpoint_id`. `identifiers` are ordered strongest
    first and contain no junk; times are UTC; `occurred_at` is already corrected for clock skew.
    `profile_id` names the person where staff acted on a known customer; it is stronger than every identifier.
    `enterprise` is the organisation that the person acts for: a group call puts the person in it, any other call may
    name it. `has_unusable`: the content holds identifiers that are none. `has_consent`: its context holds the
    person's consent preferences. `imported` data is of the past, whenever it arrives.
    """

    touchpoint_id: UUID
    channel: str
    kind: TouchpointKind
    name: str | None
    occurred_at: Instant
    received_at: Instant
    identifiers: list[IdentifierRef]
    sealed: bytes
    has_traits: bool = False
    purchase: Purchase | None = None
    profile_id: UUID | None = None
    enterprise: IdentifierRef | None = None
    imported: bool = False
    has_unusable: bool = False
    has_consent: bool = False


class EnterpriseMembership(msgspec.Struct, frozen=True):
    """The fragment of an enterprise, and the customer that it belonged to at this moment."""

    profile_id: UUID
    customer_id: UUID
    membership_version: int


class RecordStanding(msgspec.Struct, frozen=True):
    """How complete a customer's record is: fields that the pack requires of it, and of these filled and valid."""

    required: int
    filled: int


class TouchpointResolvedV1(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A touchpoint whose person is known, exactly once per touchpoint.

    `profile_id` is the fragment that keeps it for ever; `customer_id` and `membership_version` say to which
    customer that fragment belonged at this moment; `members` lists the customer's fragments when there are
    several. `enterprise` is the organisation that the touchpoint names. `record` comes with what staff enter: how
    complete the customer's record is then.
    """

    profile_id: UUID
    customer_id: UUID
    membership_version: int
    touchpoint: TouchpointReceivedV1
    members: list[UUID] = []
    enterprise: EnterpriseMembership | None = None
    record: RecordStanding | None = None


TOUCHPOINT_RECEIVED = EventType("guanxi.touchpoint.received.v1", TouchpointReceivedV1)
TOUCHPOINT_RESOLVED = EventType("guanxi.touchpoint.resolved.v1", TouchpointResolvedV1)
