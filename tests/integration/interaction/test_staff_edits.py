"""What staff enter becomes a touchpoint with its author."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from guanxi_contracts.touchpoint import EnterpriseMembership, TouchpointResolvedV1
from interaction_service.adapters.channels import ChannelRefused, add_channel

from .conftest import NOW, Service
from .events import record, resolved


@pytest.fixture
async def customer(service: Service) -> UUID:
    """A customer whom interaction-service knows."""
    customer_id = uuid4()
    await record(service, resolved(service.keyring, customer_id))
    return customer_id


async def edit(service: Service, document: Any, role: Any = "agent", **headers: str) -> Any:
    return await service.client.post(
        "/v1/staff/edits", json=document, headers=service.staff.headers(role) | headers
    )


async def test_an_edit_is_a_durable_touchpoint_of_its_author(service: Service, customer: UUID) -> None:
    answer = await edit(
        service,
        {
            "customer_id": str(customer),
            "traits": {"name": "Lin Yi", "birthday": "1990-02-28", "city": None},
            "identifiers": [
                {"type": "email", "value": "Lin@Example.com"},
                {"type": "phone", "value": "+1 202 555 0142", "verified": True},
            ],
            "enterprise": {"id": "acme", "role": "Buyer", "until": "2027-01-01T00:00:00+08:00"},
            "note": "called us",
        },
    )
    assert answer.status_code == 200, answer.text
    (touchpoint,) = await service.received()
    assert answer.json() == {
        "customer_id": str(customer),
        "touchpoint_id": str(touchpoint.touchpoint_id),
        "occurred_at": "2026-05-20T08:00:00Z",
    }
    assert (touchpoint.channel, touchpoint.kind, touchpoint.name) == ("staff", "identify", "Staff edit")
    assert (touchpoint.profile_id, touchpoint.has_traits, touchpoint.occurred_at) == (customer, True, NOW)
    assert [(ref.type, ref.verified) for ref in touchpoint.identifiers] == [("phone", True), ("email", False)]
    assert touchpoint.enterprise is not None
    content = service.opened(touchpoint)
    assert content["actor"] == "staff-1"
    assert content["traits"] == {"name": "Lin Yi", "birthday": "1990-02-28", "city": None}
    assert content["contact"] == {"role": "Buyer", "until": "2027-01-01T00:00:00+08:00"}
    assert content["enterprise"]["value"] == "acme"
    stored = TouchpointResolvedV1(
        profile_id=customer, customer_id=customer, membership_version=1, touchpoint=touchpoint
    )
    await record(service, stored)
    (shown,) = (await service.timeline(customer, channel="staff")).json()["items"]
    assert (shown["channel"], shown["content"]["actor"]) == ("staff", "staff-1")
    assert shown["content"]["properties"] == {"note": "called us"}


async def test_an_edit_repeated_with_its_key_is_one(service: Service, customer: UUID) -> None:
    document = {"customer_id": str(customer), "note": "called us"}
    for key in ("k1", "k1", "k2"):
        assert (await edit(service, document, **{"idempotency-key": key})).status_code == 200
    assert (await edit(service, document)).status_code == 200
    assert len({touchpoint.touchpoint_id for touchpoint in await service.received()}) == 3


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "body"),
        ({"traits": {}}, "body"),
        ({"traits": {"birthday": "1990-02-30"}}, "traits.birthday"),
        ({"traits": {"phone": "12"}}, "traits.phone"),
        ({"traits": {"yearly_amount": 5}}, "traits.yearly_amount"),
        ({"traits": {"x" * 300: 5}}, "traits"),
        ({"traits": {"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}, "body"),
        ({"identifiers": [{"type": "email", "value": "lin@"}]}, "identifiers.0.value"),
        ({"identifiers": [{"type": "shoe_size", "value": "42"}]}, "identifiers.0.value"),
        ({"identifiers": [{"type": "enterprise_account", "value": "acme"}]}, "identifiers.0.type"),
        ({"enterprise": {"id": "null"}}, "enterprise.id"),
        ({"enterprise": {"id": "acme", "until": "2027-01-01T00:00:00"}}, "enterprise.until"),
        ({"note": "x" * 5000}, "note"),
        ({"notes": "called us"}, "body"),
        ({"note": "x" * 40_000}, "body"),
    ],
)
async def test_an_edit_that_cannot_be_names_its_field(
    service: Service, customer: UUID, document: dict[str, Any], field: str
) -> None:
    answer = await edit(service, {"customer_id": str(customer), **document})
    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json()["errors"]] == [field], answer.text
    assert await service.received() == []


async def test_who_may_and_about_whom(service: Service, customer: UUID) -> None:
    document = {"customer_id": str(customer), "note": "called us"}
    assert (await edit(service, document, role="analyst")).status_code == 403
    assert (await edit(service, {**document, "customer_id": str(uuid4())})).status_code == 404
    assert (await edit(service, {**document, "customer_id": "C2026"})).status_code == 400


async def test_an_enterprise_is_known_by_the_touchpoints_that_name_it(service: Service) -> None:
    person, enterprise = uuid4(), uuid4()
    event = resolved(service.keyring, person)
    event.enterprise = EnterpriseMembership(enterprise, enterprise, 1)
    await record(service, event)
    page = await service.timeline(enterprise)
    assert (page.status_code, page.json()["items"]) == (200, [])
    assert (await edit(service, {"customer_id": str(enterprise), "note": "met them"})).status_code == 200


async def test_no_channel_may_pass_for_staff(service: Service) -> None:
    with pytest.raises(ChannelRefused, match="staff"):
        await add_channel(service.database, name="staff", kind="web", write_key=None)
