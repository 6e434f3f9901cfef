"""Contact data in clear, for services that send messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from guanxi_kit.audit import Reading, masked
from guanxi_kit.packs import PurposeSettings
from profile_service.api.consents import wrong
from profile_service.api.customers import State
from profile_service.application.read_customers import ConsentAsked, Contact, read_contacts

MAX_CUSTOMERS = 500
ContactsReading = Annotated[Reading, masked("contact.read", "contacts")]


class ContactsAsked(BaseModel):
    """Which customers to reach, how and what for; ids of absorbed customers and fragments will do."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_CUSTOMERS)]
    channel: Literal["email", "sms"]
    purpose: Annotated[str | None, Field(max_length=64)] = None


@dataclass(frozen=True)
class ContactsFound:
    """Contact data in the order asked for; ids that are unknown are left out."""

    items: list[Contact]


router = APIRouter(prefix="/v1", tags=["contacts"])


@router.post(
    "/contacts",
    response_model=ContactsFound,
    summary="Addresses and traits of customers",
)
async def post_contacts(asked: ContactsAsked, state: State, reading: ContactsReading) -> Response:
    """Addresses (newest first) and traits, unmasked; an empty list of addresses means: not to be reached this way.

    With a purpose, `consent` says whether the customer allows it on this channel now.
    """
    asking = None if asked.purpose is None else _asking(asked.purpose, asked.channel, state.pack.purposes)
    async with state.reads() as reads:
        contacts, people = await read_contacts(
            asked.customer_ids, asked.channel, reads, state.view.precedence, asking
        )
    reading.clear = True
    await reading.of(people, detail=asked.channel)
    return Response(msgspec.json.encode(ContactsFound(contacts)), media_type="application/json")


def _asking(purpose: str, channel: str, purposes: PurposeSettings) -> ConsentAsked:
    declared = purposes.root.get(purpose)
    if declared is None:
        raise wrong("purpose", "must be one of " + ", ".join(purposes.root))
    kept_under = purposes.channel_of(purpose, channel)
    if kept_under is None:
        raise wrong("channel", "must be one of " + ", ".join(declared.channels))
    return ConsentAsked(purpose, kept_under, declared.default == "allowed")
