"""Roles and schemas: repeatable, and each service sees only its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from guanxi_devstack.bootstrap import SERVICES, bootstrap, quote_literal
from guanxi_devstack.pytest_plugin import DatabaseDsns, DatabaseServer


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_can_be_repeated(database_dsns: DatabaseDsns, database_server: DatabaseServer) -> None:
    await bootstrap(database_dsns.admin, database_server.passwords)
    await bootstrap(database_dsns.admin, database_server.passwords)


@pytest.mark.parametrize("service", SERVICES)
async def test_app_reads_and_writes_what_the_owner_made(database_dsns: DatabaseDsns, service: str) -> None:
    async with connected(database_dsns.owner[service]) as owner:
        await owner.execute("CREATE TABLE thing (id bigserial PRIMARY KEY, name text)")
    async with connected(database_dsns.app[service]) as app:
        await app.execute("INSERT INTO thing (name) VALUES ('a')")
        assert await app.fetchval("SELECT name FROM thing") == "a"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute("CREATE TABLE other (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute("TRUNCATE thing")


async def test_a_service_cannot_read_anothers_tables(database_dsns: DatabaseDsns) -> None:
    async with connected(database_dsns.owner["profile"]) as owner:
        await owner.execute("CREATE TABLE secret (id int)")
        await owner.execute("CREATE FUNCTION told() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    for other in (database_dsns.app["scoring"], database_dsns.owner["scoring"], database_dsns.log):
        async with connected(other) as app:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.fetch("SELECT * FROM profile.secret")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.fetchval("SELECT profile.told()")


async def test_a_stranger_cannot_connect(
    database_dsns: DatabaseDsns, database_server: DatabaseServer
) -> None:
    if database_server.embedded is None:
        pytest.skip("makes a role, which an outside server may not allow")
    async with connected(database_server.admin) as admin:
        await admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(database_server.embedded.dsn(database_dsns.name, "stranger", "stranger"))
    finally:
        async with connected(database_server.admin) as admin:
            await admin.execute("DROP ROLE stranger")


@pytest.mark.parametrize("text", ["plain", "o'clock", "back\\slash", "both\\'", "';--", "“”", "$1"])
async def test_literals_survive_quoting(database_dsns: DatabaseDsns, text: str) -> None:
    async with connected(database_dsns.admin) as admin:
        assert await admin.fetchval(f"SELECT {quote_literal(text)}") == text
        await admin.execute("SET standard_conforming_strings = off")
        assert await admin.fetchval(f"SELECT {quote_literal(text)}") == text
