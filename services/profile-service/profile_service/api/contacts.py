"""Contact data in clear, for services that send messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from guanxi_kit.audit import Reading, masked
from profile_service.api.customers import State
from profile_service.application.read_customers import Contact, read_contacts

MAX_CUSTOMERS = 500
ContactsReading = Annotated[Reading, masked("contact.read", "contacts")]


class ContactsAsked(BaseModel):
    """Which customers to reach, and how; ids of absorbed customers and fragments will do."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_CUSTOMERS)]
    channel: Literal["email", "sms"]


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
    """Addresses (newest first) and traits, unmasked; an empty list of addresses means: not to be reached this way."""
    async with state.reads() as reads:
        contacts, people = await read_contacts(
            asked.customer_ids, asked.channel, reads, state.view.precedence
        )
    reading.clear = True
    await reading.of(people, detail=asked.channel)
    return Response(msgspec.json.encode(ContactsFound(contacts)), media_type="application/json")
