"""Customers, and what is told and asked of their consents."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from guanxi_kit.packs import load_pack

from .conftest import Api, ProfileWorld

PURPOSES = load_pack(Path(__file__).parents[3] / "packs", "services").purposes
MARKETING = {"purpose": "marketing", "channel": "email"}
YES = {**MARKETING, "decision": "granted", "notice_version": "2024-05"}
EVIDENCE = {"form": "signed at the counter", "phone": "+8613900001234"}


async def customers(world: ProfileWorld, *identifiers: str) -> list[UUID]:
    """Founds a customer for each identifier; returns their ids."""
    await world.resolve([world.touchpoint(f"founding-{each}", each) for each in identifiers])
    return [event.profile_id for event in (await world.events()).resolved[-len(identifiers) :]]


async def record(api: Api, customer_id: UUID, *consents: dict[str, Any]) -> Any:
    answer = await api.post(f"/v1/customers/{customer_id}/consents", {"consents": list(consents)}, "agent")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def check(api: Api, customer_id: UUID, purpose: str = "marketing", channel: str = "email") -> str:
    """The reason why (not)."""
    query = {"customer_id": str(customer_id), "purpose": purpose, "channel": channel}
    answer = await api.get("/v1/consents/check", "agent", **query)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["allowed"] == (document["reason"] in {"granted", "unknown_allowed"})
    return str(document["reason"])
