"""The profile service's contact endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from guanxi_kit.http import HttpClient, TransportError
from notification_service.application.ports import Contact, ContactsUnavailable

PATH = "/v1/contacts"
MOST_AT_ONCE = 500


class _Item(msgspec.Struct):
    """A customer's addresses, newest first, and traits; `consent` to the purpose asked about."""

    customer_id: UUID
    addresses: list[str] = []
    traits: dict[str, Any] = {}
    consent: bool | None = None


class _Answer(msgspec.Struct):
    items: list[_Item]


_DECODE = msgspec.json.Decoder(_Answer).decode


class ProfileContacts:
    """Asks the profile service, at most MOST_AT_ONCE customers a call. The client carries a service token."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def fetch(self, customer_ids: Sequence[UUID], purpose: str | None) -> dict[UUID, Contact]:
        """Return the contacts of those customers that are known. Raises ContactsUnavailable."""
        found: dict[UUID, Contact] = {}
        for start in range(0, len(customer_ids), MOST_AT_ONCE):
            for item in await self._ask(customer_ids[start : start + MOST_AT_ONCE], purpose):
                newest = item.addresses[0] if item.addresses else None
                found[item.customer_id] = Contact(newest, item.traits, item.consent)
        return found

    async def _ask(self, customer_ids: Sequence[UUID], purpose: str | None) -> list[_Item]:
        asked: dict[str, Any] = {"customer_ids": [str(one) for one in customer_ids], "channel": "email"}
        if purpose is not None:
            asked["purpose"] = purpose
        try:
            response = await self._client.post(PATH, json=asked)
        except TransportError as error:
            raise ContactsUnavailable(type(error).__name__) from error
        if response.status_code != 200:
            raise ContactsUnavailable(f"status_{response.status_code}")
        try:
            return _DECODE(response.content).items
        except msgspec.MsgspecError as error:
            raise ContactsUnavailable("unreadable_answer") from error
