"""What callers see of an application whose database refuses, fails and comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI

from guanxi_devstack.bootstrap import quote_identifier
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.app import Check, create_app
from guanxi_kit.db import Database, open_pool
from guanxi_kit.http import HttpClient
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import client_of, eventually


def database_app(dsn: str) -> FastAPI:
    checks: list[Check] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(await open_pool(dsn, max=2, application_name="kit-app"), acquire_seconds=2)
        app.state.database = database
        checks.append(Check("database", database.ping))
        yield
        await database.close()

    app = create_app("Demo", ServiceSettings(service="demo"), lifespan=lifespan, readiness=checks)

    @app.get("/echo/{text}")
    async def echo(text: str) -> str:
        async with app.state.database.transaction() as connection:
            return str(await connection.fetchval("SELECT $1::text", text.replace("NUL", "\0")))

    return app


async def allow(admin_dsn: str, name: str, *, allowed: bool) -> None:
    """Let clients in again, or cut them and let nobody in, as a database that is down does."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute(f"ALTER DATABASE {quote_identifier(name)} ALLOW_CONNECTIONS {allowed}")
        if not allowed:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
    finally:
        await admin.close()


async def test_a_cut_connection_is_a_503_and_the_next_request_works(database_dsns: DatabaseDsns) -> None:
    async with client_of(database_app(database_dsns.app["profile"])) as client:
        assert (await client.get("/echo/one")).json() == "one"
        assert (await client.get("/readyz")).json()["checks"] == {"database": "ok"}
        admin = await asyncpg.connect(database_dsns.admin)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kit-app'"
        )
        await admin.close()
        await eventually(lambda: works(client))


async def works(client: HttpClient) -> bool:
    response = await client.get("/echo/two")
    assert response.status_code in (200, 503)
    return response.status_code == 200


async def test_a_database_away_is_a_503_not_ready_and_recovers(database_dsns: DatabaseDsns) -> None:
    postgres = database_dsns.admin.replace(database_dsns.name, "postgres")
    async with client_of(database_app(database_dsns.app["profile"])) as client:
        await allow(postgres, database_dsns.name, allowed=False)
        try:
            response = await client.get("/echo/one")
            assert response.status_code == 503
            assert response.headers["retry-after"]
            assert database_dsns.name not in response.text
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/healthz")).status_code == 200
        finally:
            await allow(postgres, database_dsns.name, allowed=True)
        await eventually(lambda: works(client))
        assert (await client.get("/readyz")).status_code == 200


async def test_a_character_postgresql_cannot_store_is_a_400(database_dsns: DatabaseDsns) -> None:
    async with client_of(database_app(database_dsns.app["profile"])) as client:
        assert (await client.get("/echo/NUL")).status_code == 400
