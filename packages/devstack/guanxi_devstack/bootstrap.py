"""Roles and schemas of the platform in one PostgreSQL database."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

SERVICES = ("profile", "interaction", "scoring", "notification")
SCHEMAS: Mapping[str, str] = {**{service: service for service in SERVICES}, "log": "event_log"}
"""Schema by the name that its roles `<name>_owner` and `<name>_app` begin with."""
ROLES = tuple(f"{name}_{kind}" for name in SCHEMAS for kind in ("owner", "app"))

# Two bootstraps of one server at a time would collide on the roles, which all its databases share.
_LOCK = 7_294_100_318


def derive_passwords(secret: str) -> dict[str, str]:
    """Password of each role, the same for one `secret`: repeating the bootstrap breaks no one."""
    return {
        role: hmac.new(secret.encode(), f"guanxi role {role}".encode(), hashlib.sha256).hexdigest()
        for role in ROLES
    }


def secret_of(admin_dsn: str) -> str:
    """What the roles' passwords are derived from: the administrator's own, whichever database he connects to."""
    parts = urlsplit(admin_dsn)
    return unquote(parts.password) if parts.password else parts.netloc


def with_login(dsn: str, user: str, password: str) -> str:
    """`dsn` with another user and password."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def with_database(dsn: str, database: str) -> str:
    """`dsn` with another database name."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(database, safe='')}"))


async def create_database(admin_dsn: str, name: str) -> None:
    """Create a UTF-8 database if the server of `admin_dsn` has none of this name."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(
                f"CREATE DATABASE {quote_identifier(name)} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
            )
    finally:
        await connection.close()


async def bootstrap(admin_dsn: str, passwords: Mapping[str, str]) -> None:
    """Create the roles (`passwords` by role name) and schemas in the database of `admin_dsn`; repeatable.

    Each `<name>_owner` owns its schema and migrates it; each `<name>_app` may only read and write rows of it.
    Nobody else may even connect.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await _create_roles(connection, passwords)
            await grant_connections(connection)
            for name, schema in SCHEMAS.items():
                await connection.execute(_schema_sql(name, schema))
    finally:
        await connection.close()


async def grant_connections(connection: asyncpg.Connection) -> None:
    """Let our roles, and nobody else, connect to this database (a copied one forgets that)."""
    database = quote_identifier(await connection.fetchval("SELECT current_database()"))
    roles = ", ".join(ROLES)
    await connection.execute(
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;"
        f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {roles};"
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;"
    )


async def _create_roles(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    existing = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    superuser = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    for role in ROLES:
        schema = SCHEMAS[role.rpartition("_")[0]]
        verb = "ALTER" if role in existing else "CREATE"
        await connection.execute(
            f"{verb} ROLE {role} LOGIN PASSWORD {quote_literal(passwords[role])};"
            f"ALTER ROLE {role} SET search_path = {schema};"
        )
        if not superuser:
            # An administrator who is not superuser may give a schema only to a role that he is a member of.
            await connection.execute(f"GRANT {role} TO CURRENT_USER")


def _schema_sql(name: str, schema: str) -> str:
    owner, app = f"{name}_owner", f"{name}_app"
    return f"""
    CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};
    REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
    GRANT USAGE ON SCHEMA {schema} TO {app};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
      GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {app};
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT EXECUTE ON FUNCTIONS TO {app};
    """


def quote_identifier(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """`text` as an SQL string, whatever characters it has and however the server reads backslashes."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'"
