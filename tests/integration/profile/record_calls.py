"""Touchpoints of persons and enterprises, and the view of whom they are about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.packs import load_pack
from profile_service.adapters.pack_rules import record_rules, view_rules
from profile_service.consumers.touchpoint_received import TouchpointReceivedConsumer

from .conftest import PACKS, Api, ProfileWorld

PACK = load_pack(PACKS, "services")


async def resolve(world: ProfileWorld, *touchpoints: TouchpointReceivedV1, partition: int = 0) -> None:
    """Resolve one batch under the pack's rules of the record."""
    consumer = TouchpointReceivedConsumer(
        world.rules, world.keyring, world.clock, record=record_rules(PACK), view=view_rules(PACK, "CN")
    )
    await world.work(consumer.handle, [world.received(each, partition) for each in touchpoints])


def sealed_anew(
    world: ProfileWorld, touchpoint: TouchpointReceivedV1, **content: Any
) -> TouchpointReceivedV1:
    """The touchpoint with more in its content."""
    plain = msgspec.json.decode(world.keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
    touchpoint.sealed = world.keyring.seal(
        msgspec.json.encode(plain | content), touchpoint.touchpoint_id.bytes
    )
    return touchpoint


def in_group(
    world: ProfileWorld,
    message: str,
    group: str,
    *identifiers: str,
    group_traits: dict[str, Any] | None = None,
    contact: dict[str, Any] | None = None,
    kind: Any = "group",
    **options: Any,
) -> TouchpointReceivedV1:
    """A touchpoint of a person on behalf of an enterprise."""
    touchpoint = world.touchpoint(message, *identifiers, **options)
    touchpoint.kind = kind
    touchpoint.enterprise = world.ref(f"enterprise_account:{group}")
    plain = {"type": "enterprise_account", "namespace": "", "value": group}
    content: dict[str, Any] = {"enterprise": plain, "contact": contact}
    if group_traits is not None:
        content["group"] = {"id": group, "traits": group_traits}
    return sealed_anew(world, touchpoint, **content)


async def view(api: Api, customer_id: object, role: Any = "agent", **query: str) -> Any:
    answer = await api.get(f"/v1/customers/{customer_id}", role=role, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def people(world: ProfileWorld) -> list[UUID]:
    return [event.customer_id for event in (await world.events()).resolved]


async def enterprise_ids(world: ProfileWorld) -> list[UUID]:
    rows = await world.db.pool.fetch("SELECT profile_id FROM fragment WHERE kind = 'enterprise' ORDER BY 1")
    return [row["profile_id"] for row in rows]
