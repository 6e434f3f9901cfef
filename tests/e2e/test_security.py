"""Doors: nothing opens without a credential, and each credential opens only what it is for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from joserfc import jwt
from joserfc.jwk import OKPKey
from tests.e2e.doors import DOORS, LINK, SIGNATURE, WRITE_KEY

from guanxi_devstack.world import World
from guanxi_kit.auth import generate_signing_key, mint_token, public_jwks
from guanxi_kit.clock import ManualClock
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.roles import ROLE_PERMISSIONS, Role

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("world_options", ["postgres"], indirect=True, scope="session"),
]

OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json"}
"""Probes, metrics and the document; none of them tells anything of a person."""

FACTORIES = {
    "gateway": ("guanxi_gateway", "GatewaySettings"),
    **{name: (f"{name}_service", f"{name.title()}Settings") for name in DOORS if name != "gateway"},
}
EVERY_DOOR = [
    (service, door)
    for service, doors in DOORS.items()
    for door, key in doors.items()
    if key not in (SIGNATURE, LINK)
]
SIGNED_DOORS = [
    (service, door) for service, doors in DOORS.items() for door, key in doors.items() if key == SIGNATURE
]
LINKED_DOORS = [
    (service, door) for service, doors in DOORS.items() for door, key in doors.items() if key == LINK
]


def url_of(world: World, service: str) -> str:
    return world.url if service == "gateway" else f"http://127.0.0.1:{world.ports.api(service)}"


_PARAMETER = re.compile(r"{(\w+)}")
_GIVEN = {"service": "profile", "hash": "00" * 16, "name": "nobodys", "tag": "nobodys"}


async def knock(world: World, service: str, door: str, headers: Mapping[str, str]) -> httpx.Response:
    """Send a well-formed request; of the answer to a stream only the beginning is read."""
    method, path = door.split(" ")
    path = _PARAMETER.sub(lambda found: _GIVEN.get(found[1], str(uuid4())), path)
    query = {"GET /v1/customers": {"user_id": "nobody"}, "GET /v1/messages": {"customer_id": str(uuid4())}}
    body: Any = {"customer_ids": [str(uuid4())], "channel": "email"} if door == "POST /v1/contacts" else {}
    client: HttpClient
    async with make_client(url_of(world, service), timeout=20.0) as client:
        request = client.build_request(
            method,
            path,
            headers=headers,
            params=query.get(door),
            json=body if method in ("POST", "PUT", "PATCH") else None,
        )
        answer = await client.send(request, stream=True)
        if not answer.headers["content-type"].startswith("text/event-stream"):
            await answer.aread()
        await answer.aclose()
        return answer


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def basic(key: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    if status == 401:
        assert answer.headers["www-authenticate"]


@pytest.mark.parametrize("service", DOORS)
async def test_every_operation_is_entered_here(world: World, service: str) -> None:
    # The document is made at the first request, which takes seconds of a busy machine.
    async with make_client(url_of(world, service), timeout=60.0) as client:
        document = (await client.get("/openapi.json")).json()
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == set(DOORS[service])
    for door, operation in operations.items():
        needed = DOORS[service][door]
        assert needed in (SIGNATURE, LINK) or operation.get("security"), (
            f"{door} is documented without a credential"
        )
        if needed not in (SIGNATURE, LINK, WRITE_KEY):
            assert operation["security"] == [{"bearerAuth": [needed]}], f"{door} names another permission"


@pytest.mark.parametrize("service", DOORS)
async def test_no_route_is_hidden_from_the_document(
    world: World, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = (
        world.topology.common_environment(0)
        if service == "gateway"
        else world.topology.service_environment(service, 0)
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    package, settings_type = FACTORIES[service]
    settings = getattr(importlib.import_module(f"{package}.settings"), settings_type)
    app = importlib.import_module(f"{package}.main").make_api(settings.load(service=service, role="api"))
    routes = {
        f"{method} {str(context.path).replace(':path', '')}"
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ("?",)
    }
    assert routes >= {"GET /healthz"}, "the routes were not found"
    hidden = {route for route in routes if route.split(" ")[1] not in OPEN} - set(DOORS[service])
    assert hidden == set()


@pytest.mark.parametrize(("service", "door"), EVERY_DOOR)
async def test_nothing_opens_without_a_credential(world: World, service: str, door: str) -> None:
    for headers in ({}, {"authorization": ""}, {"authorization": "Bearer"}, bearer("x.y.z"), basic("no key")):
        assert_problem(await knock(world, service, door, headers), 401)


@pytest.mark.parametrize(("service", "door"), SIGNED_DOORS)
async def test_a_partner_must_sign(world: World, service: str, door: str) -> None:
    for headers in ({}, bearer(world.credentials.token("admin")), basic(world.credentials.write_keys["web"])):
        assert (await knock(world, service, door, headers)).status_code in (400, 401)


@pytest.mark.parametrize(("service", "door"), LINKED_DOORS)
async def test_a_link_that_was_not_sent_opens_nothing(world: World, service: str, door: str) -> None:
    for headers in ({}, bearer(world.credentials.token("admin"))):
        assert (await knock(world, service, door, headers)).status_code == (404 if "GET" in door else 415)


@pytest.mark.parametrize("service", [*DOORS, "worker"])
async def test_what_is_open_tells_nothing(world: World, service: str) -> None:
    url = (
        f"http://127.0.0.1:{world.ports.worker('profile', 1)}"
        if service == "worker"
        else url_of(world, service)
    )
    async with make_client(url) as client:
        for path in OPEN:
            assert (await client.get(path)).status_code == 200
        for path in ("/", "/docs", "/redoc", "/v1", "/admin", "/debug", "/v1/customers/"):
            assert (await client.get(path)).status_code in (401, 404)


@pytest.mark.parametrize(("service", "door"), EVERY_DOOR)
async def test_a_write_key_and_a_token_do_not_stand_for_each_other(
    world: World, service: str, door: str
) -> None:
    key = world.credentials.write_keys["web"]
    wrong = [bearer(world.credentials.token("admin"))]
    if DOORS[service][door] != WRITE_KEY:
        wrong = [basic(key), bearer(key), basic(world.credentials.token("admin"))]
    for headers in wrong:
        assert_problem(await knock(world, service, door, headers), 401)


@pytest.mark.parametrize("role", get_args(Role))
async def test_a_role_opens_its_own_doors_only(world: World, role: Role) -> None:
    headers = bearer(world.credentials.token(role))
    opened, closed = 0, 0
    for service, doors in DOORS.items():
        for door, permission in doors.items():
            if permission in (WRITE_KEY, SIGNATURE, LINK):
                continue
            answer = await knock(world, service, door, headers)
            if permission in ROLE_PERMISSIONS[role]:
                # What a request without content comes to is another matter: 400, 404, 422, or done.
                assert answer.status_code not in (401, 403), (service, door)
                assert answer.status_code < 500, (service, door, answer.status_code)
                opened += 1
            else:
                assert answer.status_code == 403, (service, door, answer.status_code)
                closed += 1
    assert opened
    assert closed


async def test_contact_data_in_clear_is_for_services_alone(world: World) -> None:
    for role in get_args(Role):
        answer = await knock(world, "profile", "POST /v1/contacts", bearer(world.credentials.token(role)))
        assert answer.status_code == (200 if role == "service" else 403)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    issued = {"iss": "guanxi", "aud": "guanxi", "sub": "eve@example.com", "role": "admin", "iat": now}
    return {
        name: value
        for name, value in {**issued, "nbf": now, "exp": now + 3600, **changes}.items()
        if value is not None
    }


def encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def bad_tokens(signing_key: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tokens that look right, each with one thing wrong."""
    key = OKPKey.import_key(dict(signing_key))
    header = {"alg": "Ed25519", "kid": key.kid}

    def signed(**changes: Any) -> str:
        return jwt.encode(header, claims(**changes), key, algorithms=["Ed25519"])

    good = signed()
    head, body, signature = good.split(".")
    other = {**generate_signing_key(), "kid": key.kid}
    past, future = (ManualClock(datetime.now(UTC) + timedelta(hours=hours)) for hours in (-2, 2))
    yield "expired", mint_token(signing_key, "eve@example.com", "admin", timedelta(hours=1), past)
    yield "not valid yet", mint_token(signing_key, "eve@example.com", "admin", timedelta(hours=1), future)
    yield "signed by another key of the same id", mint_token(other, "eve@example.com", "admin")
    yield "signed by an unknown key", mint_token(generate_signing_key(), "eve@example.com", "admin")
    for algorithm in ("none", "None", "NONE"):
        yield f"alg {algorithm}", f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{body}."
        yield f"alg {algorithm} with a signature", f"{encoded({'alg': algorithm})}.{body}.{signature}"
    public = json.dumps(public_jwks(signing_key)["keys"][0]).encode()
    x = base64.urlsafe_b64decode(str(signing_key["x"]) + "==")
    for secret in (public, x, b""):
        unsigned = f"{encoded({'alg': 'HS256', 'kid': key.kid})}.{body}"
        mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
        yield "HMAC by the public key", f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    yield "changed content", f"{head}.{encoded(claims(role='service'))}.{signature}"
    yield "no signature", f"{head}.{body}."
    yield "cut signature", good[:-4]
    yield "another issuer", signed(iss="somebody")
    yield "another audience", signed(aud="somebody")
    yield "no expiry", signed(exp=None)
    yield "no subject", signed(sub=None)
    yield "no role", signed(role=None)
    yield "an unknown role", signed(role="root")
    yield "a role that is no text", signed(role=["admin"])
    yield "far too long", signed(sub="x" * 10_000)


@pytest.mark.parametrize("service", DOORS)
async def test_forged_expired_and_unsigned_tokens_are_refused(world: World, service: str) -> None:
    doors = [
        (door, permission)
        for door, permission in DOORS[service].items()
        if permission not in (WRITE_KEY, SIGNATURE, LINK)
    ]
    signing_key = world.credentials.signing_key
    door, permission = doors[0]
    role: Role = "service" if permission == "contact.read" else "admin"
    good = await knock(world, service, door, bearer(mint_token(signing_key, "ann@example.com", role)))
    assert good.status_code in (200, 404), "a good token opens"
    for flaw, token in bad_tokens(signing_key):
        answer = await knock(world, service, door, bearer(token))
        assert answer.status_code == 401, f"{flaw}: {answer.status_code}"
        assert_problem(answer, 401)
        assert "eve@example.com" not in answer.text
