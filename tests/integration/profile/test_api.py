"""The HTTP interface: unified view, look-up, contacts, totals, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from guanxi_kit.identifiers import IdentifierRules, Normalised
from guanxi_kit.packs import load_pack

from .conftest import PACKS, Api, ProfileWorld


def fields(response: Any) -> list[str]:
    """The fields that a problem document names."""
    assert response.headers["content-type"] == "application/problem+json"
    return [error["field"] for error in response.json().get("errors", [])]


async def two_become_one(world: ProfileWorld) -> tuple[UUID, UUID]:
    """A person on two channels, joined; returns survivor and absorbed."""
    web = world.touchpoint(
        "m1",
        "device_id:d1",
        traits={"city": "Shanghai", "email": "ada@example.com"},
        channel="web",
        amount=500,
    )
    pos = world.touchpoint("m2", "phone:+12025550101", at=timedelta(days=2), channel="pos", amount=700)
    await world.resolve([web, pos])
    joint = world.touchpoint(
        "m3",
        "phone:+12025550101",
        "email:ada@example.com",
        "device_id:d1",
        traits={"city": "Beijing"},
        at=timedelta(days=1),
        channel="web",
    )
    await world.resolve([joint])
    survivor, absorbed = (event.profile_id for event in (await world.events()).resolved[:2])
    return survivor, absorbed


async def test_the_view_combines_fragments_masks_and_follows_redirects(world: ProfileWorld, api: Api) -> None:
    survivor, absorbed = await two_become_one(world)
    response = await api.get(f"/v1/customers/{absorbed}", role="agent")
    assert response.status_code == 200
    document = response.json()
    assert (document["customer_id"], document["redirected_from"]) == (str(survivor), str(absorbed))
    assert document["customer_number"] == "C20240501001"
    assert document["touchpoints"] == 3
    assert document["channels"] == {"web": 2, "pos": 1}
    assert document["purchases"] == {
        "count": 2,
        "amount_minor": 1200,
        "currency": "CNY",
        "first_at": "2024-05-01T08:00:00Z",
        "last_at": "2024-05-03T08:00:00Z",
        "by_currency": [{"currency": "CNY", "count": 2, "amount_minor": 1200}],
    }
    assert (document["first_seen_at"], document["last_seen_at"]) == (
        "2024-05-01T08:00:00Z",
        "2024-05-03T08:00:00Z",
    )
    assert [(each["type"], each["value"]) for each in document["identifiers"]] == [
        ("phone", "+1 20****0101"),
        ("email", "a****@example.com"),
        ("device_id", "d1"),
    ]
    assert document["traits"] == {
        "city": {
            "value": "Beijing",
            "occurred_at": "2024-05-02T08:00:00Z",
            "channel": "web",
            "source": "channel",
            "because": "recency",
        },
        "email": {
            "value": "a****@example.com",
            "occurred_at": "2024-05-01T08:00:00Z",
            "channel": "web",
            "source": "channel",
            "because": "only",
        },
    }
    assert document["fragments"] == [str(survivor), str(absorbed)]
    assert document["scores"] == {}
    for number in ("C20240501001", " c20240501002"):
        found = (await api.get("/v1/customers", customer_number=number)).json()["items"]
        assert found == [{"customer_id": str(survivor), "customer_number": "C20240501001"}]
    assert (await api.get("/v1/customers", customer_number="C20240501003")).json()["items"] == []
    assert fields(await api.get("/v1/customers", customer_number="C2024-7")) == ["customer_number"]
    assert (await api.get(f"/v1/customers/{survivor}")).json() == document | {"redirected_from": None}


async def test_the_version_grows_with_every_change(world: ProfileWorld, api: Api) -> None:
    async def version(customer_id: UUID) -> int:
        value: int = (await api.get(f"/v1/customers/{customer_id}")).json()["version"]
        return value

    await world.resolve(
        [world.touchpoint("m1", "device_id:d1"), world.touchpoint("m2", "phone:p1", at=timedelta(1))]
    )
    survivor, absorbed = (event.profile_id for event in (await world.events()).resolved)
    versions = [max(await version(survivor), await version(absorbed))]
    for n, identifiers in enumerate(
        [["phone:p1", "device_id:d1"], ["device_id:d1"], ["email:e"], ["email:e", "phone:p1"]]
    ):
        await world.resolve([world.touchpoint(f"n{n}", *identifiers)])
        versions.append(await version(survivor))
    assert versions == sorted(versions)
    assert len(set(versions)) == len(versions) - 1, "the third touchpoint is of somebody else"


async def test_unknown_and_malformed_ids(api: Api) -> None:
    unknown = await api.get(f"/v1/customers/{uuid4()}")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, "application/problem+json")
    malformed = await api.get("/v1/customers/C20240501001")
    assert (malformed.status_code, fields(malformed)) == (400, ["customer_id"])


def stored_as(world: ProfileWorld, kind: str, raw: str, namespace: str = "") -> str:
    """The normal form under which intake would have stored a raw identifier."""
    settings = load_pack(PACKS, "services").identifiers
    found = IdentifierRules(settings).normalise(kind, raw, namespace)
    assert isinstance(found, Normalised)
    return found.value


@pytest.mark.parametrize(
    ("kind", "stored", "asked"),
    [
        ("phone", "+12025550101", "+1 (202) 555-0101"),
        ("email", "Ada@Example.com", " ada@EXAMPLE.com "),
        ("member_number", "M-1001", "M-1001"),
        ("user_id", "u-17", "u-17"),
        ("device_id", "D1", "D1"),
    ],
)
async def test_look_up_takes_what_people_write(
    world: ProfileWorld, api: Api, kind: str, stored: str, asked: str
) -> None:
    await world.resolve([world.touchpoint("m1", f"{kind}:{stored_as(world, kind, stored)}")])
    response = await api.get("/v1/customers", role="agent", **{kind: asked})
    assert response.status_code == 200
    customer_id = (await world.events()).resolved[0].customer_id
    assert response.json() == {
        "items": [{"customer_id": str(customer_id), "customer_number": "C20240501001"}],
        "next_cursor": None,
    }


async def test_look_up_finds_the_survivor(world: ProfileWorld, api: Api) -> None:
    survivor, _ = await two_become_one(world)
    (found,) = (await api.get("/v1/customers", phone="+12025550101")).json()["items"]
    assert found["customer_id"] == str(survivor)


async def test_look_up_of_nobody_is_empty(api: Api) -> None:
    response = await api.get("/v1/customers", phone="+12025550199")
    assert (response.status_code, response.json()) == (200, {"items": [], "next_cursor": None})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "query"),
        ({"phone": "+12025550101", "email": "ada@example.com"}, "query"),
        ({"phone": "12"}, "phone"),
        ({"email": "nobody"}, "email"),
        ({"user_id": "null"}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"wechat_openid": "o1"}, "wechat_openid"),
        ({"surname": "Ada"}, "surname"),
        ({"user_id": "x" * 600}, "user_id"),
    ],
)
async def test_look_up_refuses_and_names_the_field(api: Api, query: dict[str, str], field: str) -> None:
    response = await api.get("/v1/customers", **query)
    assert (response.status_code, fields(response)) == (400, [field])
    assert "ada@example.com" not in response.text


async def test_contacts_in_clear_for_services(world: ProfileWorld, api: Api) -> None:
    survivor, absorbed = await two_become_one(world)
    await world.resolve(
        [world.touchpoint("m4", "email:new@example.com", "phone:+12025550101", at=timedelta(9))]
    )
    await world.resolve([world.touchpoint("m5", "user_id:without", at=timedelta(10))])
    without = (await world.events()).resolved[-1].customer_id
    asked = [absorbed, uuid4(), survivor, without, absorbed]
    response = await api.post(
        "/v1/contacts", {"customer_ids": [str(each) for each in asked], "channel": "email"}
    )
    assert response.status_code == 200
    person = {
        "survivor_id": str(survivor),
        "addresses": ["new@example.com", "ada@example.com"],
        "traits": {"city": "Beijing", "email": "ada@example.com"},
        "consent": None,
    }
    assert response.json() == {
        "items": [
            {"customer_id": str(absorbed), **person},
            {"customer_id": str(survivor), **person},
            {
                "customer_id": str(without),
                "survivor_id": str(without),
                "addresses": [],
                "traits": {},
                "consent": None,
            },
        ]
    }
    sms = await api.post("/v1/contacts", {"customer_ids": [str(survivor)], "channel": "sms"})
    assert sms.json()["items"][0]["addresses"] == ["+12025550101"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"customer_ids": [], "channel": "email"}, "customer_ids"),
        ({"customer_ids": ["x"], "channel": "email"}, "customer_ids.0"),
        ({"customer_ids": [str(uuid4())] * 501, "channel": "email"}, "customer_ids"),
        ({"customer_ids": [str(uuid4())], "channel": "pigeon"}, "channel"),
        ({"customer_ids": [str(uuid4())], "channel": "email", "more": 1}, "more"),
        ({"channel": "email"}, "customer_ids"),
        ({"customer_ids": [str(uuid4())], "channel": "email", "purpose": "x"}, "purpose"),
    ],
)
async def test_contacts_refuse_and_name_the_field(api: Api, body: Any, field: str) -> None:
    response = await api.post("/v1/contacts", body)
    assert (response.status_code, fields(response)) == (400, [field])


async def test_totals_are_exact(world: ProfileWorld, api: Api) -> None:
    assert (await api.get("/v1/stats")).json() == {
        "customers": 0,
        "fragments": 0,
        "touchpoints": 0,
        "merges": 0,
    }
    await two_become_one(world)
    await world.resolve([world.touchpoint("m1", "device_id:d1"), world.touchpoint("m9")], partition=5)
    assert (await api.get("/v1/stats", role="analyst")).json() == {
        "customers": 2,
        "fragments": 3,
        "touchpoints": 4,
        "merges": 1,
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed", "refused"),
    [
        ("GET", f"/v1/customers/{uuid4()}", "marketer", "analyst"),
        ("GET", "/v1/customers?user_id=u1", "dpo", "marketer"),
        ("POST", "/v1/contacts", "service", "admin"),
        ("GET", "/v1/stats", "analyst", "agent"),
        ("GET", f"/v1/customers/{uuid4()}/traits", "marketer", "analyst"),
        ("GET", f"/v1/customers/{uuid4()}/traits/city/history", "agent", "analyst"),
    ],
)
async def test_who_may(api: Api, method: str, path: str, allowed: Any, refused: Any) -> None:
    async def status(headers: dict[str, str]) -> int:
        answer = await api.client.request(method, path, headers=headers)
        code: int = answer.status_code
        return code

    assert await status({}) == 401
    assert await status(api.staff.headers(refused)) == 403
    assert await status(api.staff.headers(allowed)) not in {401, 403}


async def test_the_openapi_document_names_every_look_up(api: Api) -> None:
    document = (await api.client.get("/openapi.json")).json()
    parameters = document["paths"]["/v1/customers"]["get"]["parameters"]
    assert {"phone", "email", "member_number", "wechat_openid", "namespace"} <= {
        each["name"] for each in parameters
    }
