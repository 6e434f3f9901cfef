"""Who may call: the `require` dependency on an application."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import pytest
from fastapi import Depends

from guanxi_kit.app import create_app
from guanxi_kit.auth import Principal, TokenVerifier, require
from guanxi_kit.clock import ManualClock
from guanxi_kit.http import HttpClient
from guanxi_kit.jwks import JwksFile
from guanxi_kit.roles import ROLE_PERMISSIONS, Permission, Role
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import StaffIdentity, client_of

PATHS: dict[Permission, str] = {
    "timeline.read": "/timeline",
    "stats.read": "/stats",
    "contact.read": "/contacts",
}


@pytest.fixture
def identity() -> StaffIdentity:
    return StaffIdentity(ManualClock())


@pytest.fixture
async def client(identity: StaffIdentity) -> AsyncIterator[HttpClient]:
    app = create_app("Demo", ServiceSettings(service="demo"))
    app.state.verifier = identity.verifier
    for permission, path in PATHS.items():

        async def whoami(principal: Annotated[Principal, Depends(require(permission))]) -> str:
            return principal.subject

        app.get(path)(whoami)

    @app.get("/items/{item_id}")
    async def item(
        item_id: UUID, limit: int, principal: Annotated[Principal, Depends(require("stats.read"))]
    ) -> str:
        return principal.role

    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize("role", list(ROLE_PERMISSIONS))
async def test_each_role_reaches_exactly_what_it_may(
    client: HttpClient, identity: StaffIdentity, role: Role
) -> None:
    for permission, path in PATHS.items():
        response = await client.get(path, headers=identity.headers(role))
        if permission in ROLE_PERMISSIONS[role]:
            assert (response.status_code, response.json()) == (200, "staff-1")
        else:
            assert response.status_code == 403
            assert permission in response.json()["detail"]
            assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic a2V5Og=="])
async def test_without_a_valid_token_nobody_enters(client: HttpClient, header: str | None) -> None:
    response = await client.get("/stats", headers={} if header is None else {"authorization": header})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith('Bearer realm="guanxi"')
    assert response.json()["title"] == "Unauthorized"


async def test_an_expired_token_is_told_so(identity: StaffIdentity, client: HttpClient) -> None:
    token = identity.token("analyst", ttl=timedelta(seconds=-60))
    response = await client.get("/stats", headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert token not in response.text


async def test_wrong_path_and_query_values_are_named_to_those_who_may_ask(
    client: HttpClient, identity: StaffIdentity
) -> None:
    response = await client.get("/items/x?limit=many", headers=identity.headers("admin"))
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["item_id", "limit"]
    assert (await client.get("/items/x?limit=many")).status_code == 401


async def test_keys_out_of_reach_are_a_503_and_not_the_callers_fault(identity: StaffIdentity) -> None:
    app = create_app("Demo", ServiceSettings(service="demo"))
    app.state.verifier = TokenVerifier(JwksFile(Path("/nowhere/jwks.json")))

    @app.get("/stats", dependencies=[Depends(require("stats.read"))])
    async def stats() -> int:
        return 1

    async with client_of(app) as client:
        response = await client.get("/stats", headers=identity.headers())
    assert response.status_code == 503
    assert "retry-after" in response.headers
