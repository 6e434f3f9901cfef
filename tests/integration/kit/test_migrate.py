"""Migrations of a made-up service on a real PostgreSQL, with its owner's and its application's rights."""

import asyncio
import textwrap
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.db import DatabaseUnavailable
from guanxi_kit.migrate import MigrationError, run_migrations
from guanxi_kit.settings import ServiceSettings, SettingsError

FIRST = """
    CREATE TABLE {schema}.customer (id int PRIMARY KEY, label text DEFAULT 'a:b :c %(d)s');
    CREATE FUNCTION {schema}.touch(x int) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN
      RETURN x::bigint + 1;
    END $$;
    INSERT INTO customer VALUES (1);
"""


def write(folder: Path, revision: str, down: str | None, sql: str) -> None:
    versions = folder / "versions"
    versions.mkdir(exist_ok=True)
    (versions / f"{revision}.py").write_text(
        textwrap.dedent(
            f"""
            from alembic import op
            revision = {revision!r}
            down_revision = {down!r}
            def upgrade():
                op.execute({sql!r})
            """
        )
    )


@pytest.fixture
def settings(database_dsns: DatabaseDsns) -> ServiceSettings:
    return ServiceSettings(
        service="profile-service",
        role="migrate",
        database_owner_url=SecretStr(database_dsns.owner["profile"]),
    )


async def fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_plain_sql_of_many_statements_runs_once(
    settings: ServiceSettings, database_dsns: DatabaseDsns, tmp_path: Path
) -> None:
    write(tmp_path, "0001", None, FIRST.format(schema="profile"))
    assert await run_migrations(settings, tmp_path, "profile") == "0001"
    assert await run_migrations(settings, tmp_path, "profile") == "0001"
    write(tmp_path, "0002", "0001", "ALTER TABLE customer ADD COLUMN extra jsonb DEFAULT '{}'")
    assert await run_migrations(settings, tmp_path, "profile") == "0002"
    app = database_dsns.app["profile"]
    assert await fetch(app, "SELECT *, touch(id) FROM customer") == [(1, "a:b :c %(d)s", "{}", 2)]
    assert await fetch(database_dsns.admin, "SELECT * FROM profile.alembic_version") == [("0002",)]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetch(app, "DROP TABLE customer")


async def test_a_failing_migration_leaves_the_one_before(
    settings: ServiceSettings, database_dsns: DatabaseDsns, tmp_path: Path
) -> None:
    write(tmp_path, "0001", None, FIRST.format(schema="profile"))
    write(tmp_path, "0002", "0001", "INSERT INTO customer VALUES (2); SELECT * FROM nowhere")
    with pytest.raises(Exception, match="nowhere"):
        await run_migrations(settings, tmp_path, "profile")
    assert await fetch(database_dsns.admin, "SELECT id FROM profile.customer") == [(1,)]
    assert await fetch(database_dsns.admin, "SELECT * FROM profile.alembic_version") == [("0001",)]


async def test_two_migrators_do_not_collide(
    settings: ServiceSettings, database_dsns: DatabaseDsns, tmp_path: Path
) -> None:
    write(tmp_path, "0001", None, "SELECT pg_sleep(0.3);" + FIRST.format(schema="profile"))
    revisions = await asyncio.gather(*(run_migrations(settings, tmp_path, "profile") for _ in range(3)))
    assert revisions == ["0001"] * 3
    assert await fetch(database_dsns.admin, "SELECT count(*) FROM profile.customer") == [(1,)]


async def test_what_is_missing_is_named(
    settings: ServiceSettings, tmp_path: Path, unused_tcp_port: int
) -> None:
    write(tmp_path, "0001", None, "SELECT 1")
    with pytest.raises(MigrationError, match="schema absent does not exist"):
        await run_migrations(settings, tmp_path, "absent")
    with pytest.raises(SettingsError, match="GUANXI_DATABASE_OWNER_URL"):
        await run_migrations(ServiceSettings(service="x", database_owner_url=None), tmp_path, "profile")
    away = SecretStr(f"postgresql://x:s3cret@127.0.0.1:{unused_tcp_port}/guanxi")
    with pytest.raises(DatabaseUnavailable, match=f"127.0.0.1:{unused_tcp_port}"):
        await run_migrations(ServiceSettings(service="x", database_owner_url=away), tmp_path, "profile")


async def test_a_schema_newer_than_the_release_is_refused(settings: ServiceSettings, tmp_path: Path) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "0001", None, "SELECT 1")
    write(tmp_path / "new", "0002", "0001", "SELECT 1")
    await run_migrations(settings, tmp_path / "new", "profile")
    with pytest.raises(MigrationError, match="0002"):
        await run_migrations(settings, tmp_path / "old", "profile")
